package jobs

import (
	"context"
	"slices"

	"extranet/portal"
)

// reconciled records what comparing with the whole of the core found other than it should have been. What the feed would have noticed
// in its own way at its next pass is not of it, nor is what lay in quarantine; nor, by watermark, what is gone, which leaves no stamp.
// Where it cannot be told what was on its way, nothing is recorded.
func (p *pass) reconciled(ctx context.Context, tx *portal.Tx, stands portal.Feed, source *reading, found portal.Comparison, lay map[string]string) error {
	f := p.feed
	wrong := map[string]int64{} // whose, by keyOf
	excused := int64(0)
	for _, d := range found.Rows {
		key := keyOf(d.Key)
		if _, refused := lay[key]; refused || d.Gone && f.Way == Watermark {
			excused++
			continue
		}
		wrong[key] = d.Partner
	}
	excuse := func(key string) {
		if _, is := wrong[key]; is {
			delete(wrong, key)
			excused++
		}
	}
	if len(wrong) > 0 {
		told, err := f.onItsWay(ctx, source, stands, excuse)
		if err != nil || !told {
			return err
		}
	}
	whose := map[int64]bool{}
	for _, partner := range wrong {
		whose[partner] = true
	}
	return portal.Reconciled(ctx, tx, f.Entity, found.Partners, found.Total-excused, int64(len(whose)))
}

// onItsWay calls excuse with the keys, as keyOf writes them, that the feed's own way of noticing change would lead to now. It is not told when these are too
// many to say, or another is asking.
func (f *Feed) onItsWay(ctx context.Context, source *reading, stands portal.Feed, excuse func(key string)) (told bool, err error) {
	if f.Way == Watermark {
		var d dirty
		if d.since, d.kind, err = f.changedSince(ctx, source, stands); err != nil {
			return false, err
		}
		_, _, err = f.read(ctx, source, d, func(row portal.Row) error {
			excuse(f.keyOfRow(row))
			return nil
		})
		return err == nil, err
	}
	var touches []touch
	var more bool
	tables, needs := leadTables([]*Feed{f})
	if f.Way == Marks {
		later, err := f.Source.begin(ctx) // so that nothing which the comparison saw is missed
		if err != nil {
			return false, err
		}
		defer later.end()
		touches, more, _, err = marksOf(ctx, later, tables)
		if err != nil {
			return false, err
		}
	} else if touches, more, _, err = f.Source.slotTouches(ctx, needs); err != nil {
		if portal.Says(err).Kind == portal.Conflict {
			err = nil
		}
		return false, err
	}
	if more {
		return false, nil
	}
	traced, err := f.trace(ctx, touches)
	if err != nil || traced.all {
		return false, err
	}
	for _, key := range traced.keys {
		if n := f.normal(key); n != nil {
			excuse(keyOf(n))
		}
	}
	return true, nil
}

// keyOfRow writes the row's key as keyOf does.
func (f *Feed) keyOfRow(row portal.Row) string { return keyOf(f.keyParts(row)) }

// keyParts are the parts of the row's key; a missing one is "".
func (f *Feed) keyParts(row portal.Row) []string {
	parts := make([]string, len(f.entity.mirror.Key))
	for i, k := range f.entity.mirror.Key {
		parts[i] = string(row.Values[slices.IndexFunc(f.entity.mirror.Columns, func(c portal.Column) bool { return c.Name == k })])
	}
	return parts
}
