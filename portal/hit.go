package portal

import "strings"

// A Hit is a document, a product or a partner that a search found.
type Hit struct {
	Kind   string `json:"kind"`
	Number string `json:"number"`
	Title  string `json:"title" doc:"What stands beside the number: the own number, a name"`
	On     Date   `json:"on" format:"date" nullable:"true" doc:"Its day"`
}

// HitsShown is how many of a kind a search finds at most.
const HitsShown = 6

// Is reports whether text is the whole number, or the whole title.
func (h Hit) Is(text string) bool {
	return strings.EqualFold(h.Number, text) || strings.EqualFold(h.Title, text)
}
