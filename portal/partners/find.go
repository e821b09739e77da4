package partners

import (
	"context"

	"extranet/portal"
)

// Find returns partners by the beginnings of words of their number, name or city, for the host's staff.
func Find(ctx context.Context, tx *portal.Tx, text string) (hits []portal.Hit, err error) {
	p, err := Directory(ctx, tx, DirectoryFilter{Text: text})
	for _, l := range p.Items[:min(len(p.Items), portal.HitsShown)] {
		hits = append(hits, portal.Hit{Kind: "partners", Number: l.Number, Title: l.Name})
	}
	return hits, err
}
