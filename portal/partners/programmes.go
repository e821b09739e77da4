package partners

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"extranet/portal"
)

// A Programme is one that partners can belong to. A partner of several has what any of them opens; one of none has everything.
type Programme struct {
	Name          string         `db:"name"`
	Title         string         `db:"title"`
	Modules       pq.StringArray `db:"modules"`
	Categories    pq.StringArray `db:"categories"`     // of products; nil = all
	DocumentKinds pq.StringArray `db:"document_kinds"` // nil = all
	Partners      int            `db:"partners"`       // that belong to it; 1,000 = a thousand or more
}

// Programmes lists them by name. The host's staff see how many partners each has.
func Programmes(ctx context.Context, tx *portal.Tx) (list []Programme, err error) {
	if err := needPartners(tx); err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &list, `
		SELECT name, title, modules, categories, document_kinds, (SELECT count(*) FROM (SELECT 1 FROM partner_programmes g WHERE g.programme = d.name LIMIT 1000) g) AS partners
		FROM programmes d ORDER BY name LIMIT 200`)
	if err != nil {
		return nil, fmt.Errorf("reading programmes: %w", err)
	}
	return list, nil
}

// ProgrammeOf returns the programme of the name, or NotFound.
func ProgrammeOf(ctx context.Context, tx *portal.Tx, name string) (Programme, error) {
	list, err := Programmes(ctx, tx)
	if err != nil {
		return Programme{}, err
	}
	if i := slices.IndexFunc(list, func(p Programme) bool { return p.Name == name }); i >= 0 {
		return list[i], nil
	}
	return Programme{}, portal.Errorf(portal.NotFound, "there is no programme %q", name)
}

// An Assortment is what a programme can open of the catalogue.
type Assortment struct{ Categories, DocumentKinds []string }

// AssortmentOf lists the categories of products and the kinds of documents that there are.
func AssortmentOf(ctx context.Context, tx *portal.Tx) (a Assortment, err error) {
	if err := needPartners(tx); err != nil {
		return a, err
	}
	if err := tx.Select(ctx, &a.Categories, `SELECT value FROM product_facets WHERE facet = 'category' ORDER BY value LIMIT 500`); err != nil {
		return a, fmt.Errorf("reading categories of products: %w", err)
	}
	if err := tx.Select(ctx, &a.DocumentKinds, `SELECT DISTINCT kind FROM documents ORDER BY kind LIMIT 100`); err != nil {
		return a, fmt.Errorf("reading kinds of documents: %w", err)
	}
	return a, nil
}

func (p *Programme) check(ctx context.Context, tx *portal.Tx) error {
	p.Title = strings.TrimSpace(p.Title)
	bad := map[string]string{}
	checkName(p.Name, p.Title, bad)
	var modules []string
	for _, m := range portal.Modules {
		modules = append(modules, m.Name)
	}
	there, err := AssortmentOf(ctx, tx)
	if err != nil {
		return err
	}
	for field, c := range map[string]struct{ chosen, from []string }{"modules": {p.Modules, modules}, "categories": {p.Categories, there.Categories}, "document_kinds": {p.DocumentKinds, there.DocumentKinds}} {
		for _, one := range c.chosen {
			if !slices.Contains(c.from, one) {
				bad[field] = fmt.Sprintf("there is no %q; choose from %s", one, strings.Join(c.from, ", "))
			}
		}
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this programme cannot be", Fields: bad}
	}
	p.Modules = sorted(p.Modules)
	return nil
}

func (p Programme) detail() map[string]string {
	all := func(list []string) string {
		if list == nil {
			return "all"
		}
		return strings.Join(list, ", ")
	}
	return map[string]string{"title": p.Title, "modules": strings.Join(p.Modules, " "), "categories": all(p.Categories), "document_kinds": all(p.DocumentKinds)}
}

// DefineProgramme makes a programme, to which no partner belongs yet. The host's staff do this; it needs RolesManage. What makes no sense is
// Invalid, a name that there is already a Conflict.
func DefineProgramme(ctx context.Context, tx *portal.Tx, p Programme) error {
	if err := needRoles(tx); err != nil {
		return err
	}
	if err := p.check(ctx, tx); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO programmes (name, title, modules, categories, document_kinds, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING`,
		p.Name, p.Title, p.Modules, portal.Limit(p.Categories), portal.Limit(p.DocumentKinds), tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("defining a programme: %w", err)
	}
	if n == 0 {
		return &portal.Error{Kind: portal.Conflict, Msg: fmt.Sprintf("there is a programme %q", p.Name), Fields: map[string]string{"name": "choose another, or change that one"}}
	}
	return tx.Audit(ctx, "programme.define", p.Name, p.detail())
}

// ChangeProgramme changes what a programme opens. The people and tokens of its partners have that from their next request on. It needs RolesManage.
func ChangeProgramme(ctx context.Context, tx *portal.Tx, p Programme) error {
	if err := needRoles(tx); err != nil {
		return err
	}
	before, err := ProgrammeOf(ctx, tx, p.Name)
	if err != nil {
		return err
	}
	if err := p.check(ctx, tx); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE programmes SET title = $2, modules = $3, categories = $4, document_kinds = $5, changed_by = $6, changed_at = $7 WHERE name = $1`,
		p.Name, p.Title, p.Modules, portal.Limit(p.Categories), portal.Limit(p.DocumentKinds), tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("changing a programme: %w", err)
	}
	if err := announceRights(ctx, tx, scope{Programme: p.Name}, "the programme "+p.Name); err != nil {
		return err
	}
	detail := p.detail()
	detail["modules_before"] = strings.Join(before.Modules, " ")
	return tx.Audit(ctx, "programme.change", p.Name, detail)
}

// EndProgramme forgets a programme. One that partners belong to is a Conflict: a partner of no programme has everything, so they are moved first. It needs RolesManage.
func EndProgramme(ctx context.Context, tx *portal.Tx, name string) error {
	if err := needRoles(tx); err != nil {
		return err
	}
	p, err := ProgrammeOf(ctx, tx, name)
	if err != nil {
		return err
	}
	if p.Partners > 0 {
		return portal.Errorf(portal.Conflict, "%s belong to it; let them leave it first, for a partner of no programme may see everything", fewer(p.Partners, "partner"))
	}
	if _, err := tx.Exec(ctx, `DELETE FROM programmes WHERE name = $1`, name); err != nil {
		return fmt.Errorf("ending a programme: %w", err)
	}
	return tx.Audit(ctx, "programme.end", name, p.detail())
}

// fewer writes a count that is not counted beyond a thousand.
func fewer(n int, noun string) string {
	switch {
	case n == 1:
		return "one " + noun
	case n >= 1000:
		return "a thousand " + noun + "s or more"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// A Batch is something decided about many partners at once: programmes that they join and leave.
type Batch struct {
	Numbers []string // account numbers
	Join    []string
	Leave   []string
}

const batchAtMost = 500

// DecideMany has all the partners join and leave programmes. Their people have what that leaves, from their next request on. The host's staff
// do this; it needs PartnersManage. One partner that is not there, or one programme, undoes all: Invalid names it.
func DecideMany(ctx context.Context, tx *portal.Tx, b Batch) error {
	if err := needPartners(tx); err != nil {
		return err
	}
	if err := tx.Need(portal.PartnersManage); err != nil {
		return err
	}
	ids, err := idsOf(ctx, tx, b.Numbers)
	if err != nil {
		return err
	}
	bad := map[string]string{}
	if len(b.Join)+len(b.Leave) == 0 {
		bad["join"] = "choose a programme to join or to leave"
	}
	for _, name := range b.Join {
		if slices.Contains(b.Leave, name) {
			bad["leave"] = "nobody joins and leaves " + name + " at once"
		}
	}
	var unknown []string
	if err := tx.Select(ctx, &unknown, `SELECT w FROM unnest($1::text[]) w WHERE NOT EXISTS (SELECT 1 FROM programmes WHERE name = w)`, pq.StringArray(slices.Concat(b.Join, b.Leave))); err != nil {
		return fmt.Errorf("checking programmes: %w", err)
	}
	if len(unknown) > 0 {
		bad["join"] = fmt.Sprintf("there is no programme %q", unknown[0])
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this cannot be decided", Fields: bad}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM partner_programmes WHERE partner_id = ANY($1) AND programme = ANY($2)`, pq.Int64Array(ids), pq.StringArray(b.Leave)); err != nil {
		return fmt.Errorf("leaving programmes: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO partner_programmes (partner_id, programme, since) SELECT p, w, $3 FROM unnest($1::bigint[]) p CROSS JOIN unnest($2::text[]) w ON CONFLICT DO NOTHING`, pq.Int64Array(ids), pq.StringArray(b.Join), tx.Now)
	if err != nil {
		return fmt.Errorf("joining programmes: %w", err)
	}
	if err := announceRights(ctx, tx, scope{Partners: ids}, "programmes"); err != nil {
		return err
	}
	for i, id := range ids { // in the order of their ids, as every chain of audits is held
		if err := tx.AuditFor(ctx, id, "partner.decide", b.Numbers[i], map[string]string{"joins": strings.Join(b.Join, " "), "leaves": strings.Join(b.Leave, " ")}); err != nil {
			return err
		}
	}
	return nil
}

// idsOf returns the ids of the open partners with the numbers, sorted, and sorts the numbers alike.
func idsOf(ctx context.Context, tx *portal.Tx, numbers []string) (ids []int64, err error) {
	slices.Sort(numbers)
	if len(numbers) == 0 || len(numbers) > batchAtMost {
		return nil, &portal.Error{Kind: portal.Invalid, Msg: "no partners are chosen, or too many", Fields: map[string]string{"numbers": fmt.Sprintf("choose 1 to %d partners", batchAtMost)}}
	}
	var rows []struct {
		ID     int64  `db:"partner_id"`
		Number string `db:"number"`
	}
	if err := tx.Select(ctx, &rows, `SELECT partner_id, number FROM partners WHERE number = ANY($1) AND closed_at IS NULL AND kind <> 'host' ORDER BY partner_id`, pq.StringArray(numbers)); err != nil {
		return nil, fmt.Errorf("finding partners: %w", err)
	}
	found := make([]string, len(rows))
	for i, r := range rows {
		ids, found[i] = append(ids, r.ID), r.Number
	}
	for i, n := range numbers {
		if i > 0 && n == numbers[i-1] {
			return nil, &portal.Error{Kind: portal.Invalid, Msg: fmt.Sprintf("%q is there twice", n), Fields: map[string]string{"numbers": "name each partner once"}}
		}
		if !slices.Contains(found, n) {
			return nil, &portal.Error{Kind: portal.Invalid, Msg: fmt.Sprintf("there is no partner %q", n), Fields: map[string]string{"numbers": "choose partners that there are"}}
		}
	}
	copy(numbers, found)
	return ids, nil
}
