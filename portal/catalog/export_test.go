package catalog

// Large sets from how many products on a catalogue is large, until the returned function is called.
func Large(n int) (restore func()) {
	was := large
	large = n
	return func() { large = was }
}

// WordQuery is the query for what holds all words of the text.
func WordQuery(text string) string { return wordQuery(words(text)) }
