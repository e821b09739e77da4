// Package jobs is the core system's door: it mirrors what the core knows into the portal's database.
//
// A mapping file says from which source, by which select, and how often each entity is read. One pass of one
// entity finds the dirty keys, reads those rows through the select, and merges them, in one transaction with
// the mark of how far it has read: a pass that is cut off anywhere has not happened.
package jobs

import (
	"context"
	"slices"
	"strings"

	"extranet/portal"
)

// An entity is something of the core's that the portal mirrors.
type entity struct {
	mirror portal.Mirror

	// after runs in the transaction of a merge that changed something; nil = nothing to do.
	after func(ctx context.Context, tx *portal.Tx, merged portal.Merged) error

	// with names an entity without which this one is not shown.
	with string
}

// entities in the order of a first load: what others refer to comes first.
var entities = slices.Concat(partnerEntities, productEntities, purchasingEntities, billingEntities, orderEntities, shipmentEntities, invoiceEntities, accountEntities, forecastEntities, noticeEntities, claimEntities)

// EntityNames are those that a mapping may have, those first that others refer to.
func EntityNames() []string { return entityNames() }

func entityNames() []string {
	names := make([]string, len(entities))
	for i, e := range entities {
		names[i] = e.mirror.Entity
	}
	return names
}

func entityNamed(name string) (entity, bool) {
	i := slices.Index(entityNames(), name)
	if i < 0 {
		return entity{}, false
	}
	return entities[i], true
}

// partnerColumn of a select names the partner that each row belongs to; for partners themselves, their number.
const partnerColumn = "partner"

// column is the name under which the select returns the mirror's column.
func (e entity) column(mirrored string) string {
	if e.mirror.Table == "partners" && mirrored == "number" || mirrored == portal.SupplierColumn {
		return partnerColumn
	}
	return mirrored
}

// keyColumns are the select's names of the key.
func (e entity) keyColumns() []string {
	names := make([]string, len(e.mirror.Key))
	for i, k := range e.mirror.Key {
		names[i] = e.column(k)
	}
	return names
}

// rowColumns are the select's names of what tells its rows apart: the key, and where in its series a row stands.
func (e entity) rowColumns() []string {
	names := e.keyColumns()
	if len(e.mirror.Series) > 0 {
		names = append(names, e.column(e.mirror.Series[0]))
	}
	return names
}

// nearest returns which of names is likely meant by word; "" when none is near.
func nearest(word string, names []string) string {
	best, at := "", max(2, len(word)/3)+1
	for _, n := range names {
		if d := distance(strings.ToLower(word), n); d < at {
			best, at = n, d
		}
	}
	return best
}

// distance counts the letters to add, drop or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
