package catalog

// Large sets from how many products on a catalogue is large, until the returned function is called.
func Large(n int) (restore func()) {
	was := large
	large = n
	return func() { large = was }
}
