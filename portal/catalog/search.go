package catalog

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"extranet/portal"
)

// A Filter narrows Search; the zero Filter lists everything by number.
type Filter struct {
	Text       string   // words, each of which the product holds somewhere; a number, barcode, own number or size finds at once
	Brands     []string // any of these
	Categories []string
	Lifecycles []string
	InStock    bool   // something may be sold today
	Limit      int    // 1 to 200; 0 = 50
	Cursor     string // from Found.Next

	only []string // categories that the caller is shown; nil = all
}

// Found is one stretch of what a search finds.
type Found struct {
	Exact     []Item  // whose number, barcode or own number is what was searched for; on the first page alone
	Items     []Item  // the others, by number
	Next      string  // cursor; "" = there is no more
	Corrected string  // what was searched for instead, where nothing holds the words as they were written
	Hits      int     // how many there are at least
	More      bool    // there are more than Hits
	Facets    []Facet // by what the result can be narrowed
}

// A Facet is a value by which a result can be narrowed. Products is 0 where they were not counted, for there are too many.
type Facet struct {
	Facet    string `json:"facet" db:"facet" enum:"brand,category,lifecycle"`
	Value    string `json:"value" db:"value"`
	Products int    `json:"products" db:"products" doc:"How many of what was found; 0 where there are too many to count"`
}

// countedAtMost is where counting ends: whoever finds more adds a word.
const countedAtMost = 3000

// Check returns an Invalid error naming every field that cannot be meant, and fills in the defaults.
func (f *Filter) Check() error {
	bad := map[string]string{}
	if f.Limit == 0 {
		f.Limit = 50
	}
	if f.Limit < 1 || f.Limit > 200 {
		bad["limit"] = "must be from 1 to 200"
	}
	if f.Text = strings.Join(strings.Fields(f.Text), " "); len(f.Text) > 200 || !readable(f.Text) {
		bad["q"] = "must be at most 200 readable characters"
	} else if len(words(f.Text)) > 12 {
		bad["q"] = "must be at most 12 words"
	}
	for field, values := range map[string][]string{"brand": f.Brands, "category": f.Categories, "lifecycle": f.Lifecycles} {
		slices.Sort(values)
		if len(values) > 50 || slices.ContainsFunc(values, func(s string) bool { return len(s) > 200 || !readable(s) }) {
			bad[field] = "must be at most 50 values of at most 200 readable characters"
		}
	}
	if _, err := f.after(); err != nil {
		bad["cursor"] = "is not one that this list gave; begin again without it"
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "this cannot be searched for", Fields: bad}
	}
	return nil
}

// Key tells one filter from every other.
func (f Filter) Key() string {
	b, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return string(b)
}

func readable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == utf8.RuneError })
}

func (f *Filter) after() (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(f.Cursor)
	if err == nil && !readable(string(b)) {
		err = errors.New("not a cursor")
	}
	return string(b), err
}

var (
	// 205/55R16, 205 55 16, 205/55 R 16, 315/80 R22.5, 2055516
	tyreSize = regexp.MustCompile(`(?i)(^|\s)(\d{3})\s?[/\- ]\s?(\d{2})\s?[/\- ]?\s?(?:z?r)?\s?(\d{2}(?:[.,]5)?)(c?)($|\s)`)
	signs    = regexp.MustCompile(`[^\p{L}\p{N}]+`)
)

// compact is a number without case and signs.
func compact(s string) string { return strings.ToLower(signs.ReplaceAllString(s, "")) }

// words are what a product must hold. A tyre's size is one word, of its digits.
func words(text string) (all []string) {
	text = tyreSize.ReplaceAllStringFunc(text, func(size string) string {
		return " " + strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, size) + " "
	})
	for _, w := range strings.Fields(signs.ReplaceAllString(strings.ToLower(text), " ")) {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

var digits = regexp.MustCompile(`^\d+$`)

// wordQuery finds what holds all the words: the long ones by their beginning, the short ones and short numbers whole, for too many begin with them.
func wordQuery(words []string) string {
	var q []string
	for _, w := range words {
		if utf8.RuneCountInString(w) == 1 || digits.MatchString(w) && len(w) < 6 {
			q = append(q, "'"+w+"'")
		} else {
			q = append(q, "'"+w+"':*")
		}
	}
	return strings.Join(q, " & ")
}

// where returns the conditions of the facets, of static text, and their arguments after those given.
func (f *Filter) where(args []any) (string, []any) {
	where := ``
	for _, facet := range []struct {
		column string
		values []string
	}{{"brand", f.Brands}, {"category", f.Categories}, {"lifecycle", f.Lifecycles}} {
		if len(facet.values) == 1 { // walks the index on the column, in the list's order
			args = append(args, facet.values[0])
			where += fmt.Sprintf(` AND p.`+facet.column+` = $%d`, len(args))
		} else if len(facet.values) > 1 {
			args = append(args, facet.values)
			where += fmt.Sprintf(` AND p.`+facet.column+` = ANY($%d)`, len(args))
		}
	}
	if f.only != nil {
		args = append(args, f.only)
		where += fmt.Sprintf(` AND p.category = ANY($%d)`, len(args))
	}
	if f.InStock { // asked for each, for a join would read all the stock there is
		where += ` AND (SELECT true FROM availability a WHERE a.product = p.product AND a.available > 0 LIMIT 1)`
	}
	return where, args
}

// Search finds products. Whoever may not see prices gets none. A filter that makes no sense is Invalid.
func Search(ctx context.Context, tx *portal.Tx, f Filter) (found Found, err error) {
	if err := may(tx); err != nil {
		return found, err
	}
	if err := f.Check(); err != nil {
		return found, err
	}
	f.only = tx.By.Categories
	after, _ := f.after()
	sought := words(f.Text)
	if len(sought) > 0 && after == "" {
		if found.Exact, err = exactly(ctx, tx, f.Text); err != nil {
			return found, err
		}
	}
	switch {
	case len(sought) == 0:
		err = found.browse(ctx, tx, &f, after)
	case len(found.Exact) > 0 && !strings.Contains(f.Text, " ") && len(compact(f.Text)) >= 6: // a number that is whole means this
	default:
		err = found.look(ctx, tx, &f, sought, after)
	}
	if err != nil {
		return found, err
	}
	if found.Hits == 0 && len(found.Exact) == 0 && len(sought) > 0 {
		nearer, err := correct(ctx, tx, sought)
		if err != nil {
			return found, err
		}
		if !slices.Equal(nearer, sought) {
			if err := found.look(ctx, tx, &f, nearer, after); err != nil {
				return found, err
			}
			if found.Hits > 0 {
				found.Corrected = strings.Join(nearer, " ")
			}
		}
	}
	found.Items = slices.DeleteFunc(found.Items, func(i Item) bool {
		return slices.ContainsFunc(found.Exact, func(e Item) bool { return e.Product == i.Product })
	})
	return found, complete(ctx, tx, append(pointers(found.Exact), pointers(found.Items)...))
}

// A hit is what is remembered of a product that was found, until it is known which ones are shown.
type hit struct {
	Product   string `db:"product"`
	Brand     string `db:"brand"`
	Category  string `db:"category"`
	Lifecycle string `db:"lifecycle"`
}

// look finds by words; where no product holds them, by pieces of words. It gathers at most countedAtMost hits: of more, these are shown.
func (found *Found) look(ctx context.Context, tx *portal.Tx, f *Filter, words []string, after string) error {
	if common, err := found.walk(ctx, tx, f, words, after); common || err != nil {
		return err
	}
	// The planner cannot know how common a piece of a word is, and going through the products in their order costs a hundred times the index.
	if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off`); err != nil {
		return fmt.Errorf("searching: %w", err)
	}
	var hits []hit
	query := wordQuery(words)
	where, args := f.where([]any{query})
	if err := tx.Select(ctx, &hits, gather(`p.words @@ $1::tsquery`+where), args...); err != nil {
		return fmt.Errorf("searching: %w", err)
	}
	if len(hits) == 0 && slices.ContainsFunc(words, func(w string) bool { return utf8.RuneCountInString(w) >= 3 }) {
		// A piece of a word is looked for among the words that there are, which are far fewer than the products; only what has digits may be a piece of a number.
		wider, whole, err := holding(ctx, tx, words)
		if err != nil {
			return err
		}
		if wider != "" && wider != query {
			where, args = f.where([]any{wider})
			if err := tx.Select(ctx, &hits, gather(`p.words @@ $1::tsquery`+where), args...); err != nil {
				return fmt.Errorf("searching: %w", err)
			}
		}
		if len(hits) == 0 && !whole {
			pieces, like := []any{}, ``
			for _, w := range words {
				pieces = append(pieces, "%"+w+"%") // letters and digits alone: nothing to escape
				like += fmt.Sprintf(` AND p.search LIKE $%d`, len(pieces))
			}
			where, args = f.where(pieces)
			if err := tx.Select(ctx, &hits, gather(`true`+like+where), args...); err != nil {
				return fmt.Errorf("searching: %w", err)
			}
		}
	}
	if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = on`); err != nil {
		return fmt.Errorf("searching: %w", err)
	}
	found.Hits, found.Facets = len(hits), nil
	if found.More = found.Hits > countedAtMost; found.More {
		found.Hits = countedAtMost
	}
	counted := map[Facet]int{}
	var products []string
	for _, h := range hits {
		counted[Facet{Facet: "brand", Value: h.Brand}]++
		counted[Facet{Facet: "category", Value: h.Category}]++
		counted[Facet{Facet: "lifecycle", Value: h.Lifecycle}]++
		if h.Product > after {
			products = append(products, h.Product)
		}
	}
	for facet, n := range counted {
		if !found.More {
			facet.Products = n
		}
		if facet.Value != "" {
			found.Facets = append(found.Facets, facet)
		}
	}
	slices.SortFunc(found.Facets, facetOrder)
	slices.Sort(products)
	found.cut(f, products)
	return found.take(ctx, tx, products[:min(len(products), f.Limit)])
}

// large is how many products a catalogue holds at least in which a word can be too common to gather all that hold it.
var large = 50_000

// walked is how many products are read, in their order, to see whether a word is that common.
const walked = 3000

// walk lists what holds the words straight from the products in their order, where so many do that a page of them is found within a few. It reports
// whether it did; rarer words cost less by their index.
func (found *Found) walk(ctx context.Context, tx *portal.Tx, f *Filter, words []string, after string) (bool, error) {
	if f.InStock || f.only != nil || len(f.Brands)+len(f.Categories)+len(f.Lifecycles) > 0 {
		return false, nil
	}
	var about float64
	if err := tx.Get(ctx, &about, `SELECT reltuples FROM pg_class WHERE oid = 'products'::regclass`); err != nil {
		return false, fmt.Errorf("searching: %w", err)
	}
	if about < float64(large) {
		return false, nil
	}
	var products []string
	err := tx.Select(ctx, &products, `SELECT p.product FROM (SELECT product, words FROM products WHERE product > $1 ORDER BY product LIMIT $2) p WHERE p.words @@ $3::tsquery LIMIT $4`, after, walked, wordQuery(words), f.Limit+1)
	if err != nil {
		return false, fmt.Errorf("searching: %w", err)
	}
	if len(products) <= f.Limit {
		return false, nil
	}
	slices.Sort(products)
	if err := found.facets(ctx, tx, false); err != nil {
		return false, err
	}
	found.Hits, found.More = f.Limit, true
	found.cut(f, products)
	return true, found.take(ctx, tx, products[:f.Limit])
}

// holding is the query for what holds, for each word of letters, one of the words that it is a piece of. whole reports that nothing else can find more: there
// are no words with digits, which may be a piece of a number.
func holding(ctx context.Context, tx *portal.Tx, words []string) (query string, whole bool, err error) {
	var all []string
	whole = true
	for _, w := range words {
		if strings.ContainsFunc(w, unicode.IsDigit) {
			whole = false
			all = append(all, wordQuery([]string{w}))
			continue
		}
		if utf8.RuneCountInString(w) < 3 {
			all = append(all, wordQuery([]string{w}))
			continue
		}
		var held []string
		if err := tx.Select(ctx, &held, `SELECT word FROM product_words WHERE word LIKE $1 ORDER BY length(word), word LIMIT 50`, "%"+w+"%"); err != nil {
			return "", false, fmt.Errorf("looking for words: %w", err)
		}
		if len(held) == 0 {
			return "", whole, nil
		}
		for i := range held {
			held[i] = "'" + held[i] + "'" // letters and digits alone
		}
		all = append(all, "("+strings.Join(held, " | ")+")")
	}
	return strings.Join(all, " & "), whole, nil
}

// facets reads the values of the facets, with how many products there are of each in all.
func (found *Found) facets(ctx context.Context, tx *portal.Tx, counted bool) error {
	found.Facets = nil
	if err := tx.Select(ctx, &found.Facets, `SELECT facet, value, products FROM product_facets WHERE $1::text[] IS NULL OR facet <> 'category' OR value = ANY($1)`, assortment(tx)); err != nil {
		return fmt.Errorf("reading facets: %w", err)
	}
	if !counted {
		for i := range found.Facets {
			found.Facets[i].Products = 0
		}
	}
	slices.SortFunc(found.Facets, facetOrder)
	return nil
}

// gather is the SQL that gathers hits.
func gather(where string) string {
	return fmt.Sprintf(`SELECT product, coalesce(brand, '') AS brand, coalesce(category, '') AS category, coalesce(lifecycle, '') AS lifecycle FROM products p WHERE %s LIMIT %d`, where, countedAtMost+1)
}

// browse lists all products, or those of the facets, in the order of their numbers.
func (found *Found) browse(ctx context.Context, tx *portal.Tx, f *Filter, after string) error {
	where, args := f.where([]any{after, f.Limit + 1})
	var products []string
	if err := tx.Select(ctx, &products, `SELECT p.product FROM products p WHERE p.product > $1`+where+` ORDER BY p.product LIMIT $2`, args...); err != nil {
		return fmt.Errorf("listing products: %w", err)
	}
	// They were counted over everything.
	if err := found.facets(ctx, tx, !f.InStock && f.only == nil && len(f.Brands)+len(f.Categories)+len(f.Lifecycles) == 0); err != nil {
		return err
	}
	found.Hits, found.More = len(products), len(products) > f.Limit
	found.cut(f, products)
	return found.take(ctx, tx, products[:min(len(products), f.Limit)])
}

func facetOrder(a, b Facet) int {
	return cmp.Or(strings.Compare(a.Facet, b.Facet), b.Products-a.Products, strings.Compare(a.Value, b.Value))
}

// cut says where the next page begins.
func (found *Found) cut(f *Filter, products []string) {
	found.Next = ""
	if len(products) > f.Limit {
		found.Next = base64.RawURLEncoding.EncodeToString([]byte(products[f.Limit-1]))
	}
}

// take reads the products of the page.
func (found *Found) take(ctx context.Context, tx *portal.Tx, products []string) error {
	found.Items = []Item{}
	if len(products) == 0 {
		return nil
	}
	if err := tx.Select(ctx, &found.Items, `SELECT `+itemColumns+` FROM products p WHERE p.product = ANY($1) ORDER BY array_position($1::text[], p.product)`, products); err != nil {
		return fmt.Errorf("reading products: %w", err)
	}
	return nil
}

// exactly returns the products whose number, barcode or own number is the text, and those whose own number begins with it.
func exactly(ctx context.Context, tx *portal.Tx, text string) (items []Item, err error) {
	key := compact(text)
	if key == "" {
		return nil, nil
	}
	err = tx.Select(ctx, &items, `
		SELECT `+itemColumns+` FROM products p
		WHERE p.product IN (
			SELECT product FROM products WHERE number_search = $2 UNION ALL
			SELECT product FROM products WHERE barcode = $3 UNION ALL
			(SELECT product FROM part_numbers WHERE partner_id = $1 AND number_search ~>=~ $2 AND number_search ~<~ ($2 || chr(1114111)) LIMIT 20))
			AND ($4::text[] IS NULL OR p.category = ANY($4))
		ORDER BY p.product LIMIT 20`, tx.By.PartnerID, key, strings.ReplaceAll(text, " ", ""), assortment(tx))
	if err != nil {
		return nil, fmt.Errorf("looking for a number: %w", err)
	}
	return items, nil
}

// correct replaces the words that no product holds by the nearest that one does.
func correct(ctx context.Context, tx *portal.Tx, sought []string) ([]string, error) {
	if _, err := tx.Exec(ctx, `SET LOCAL pg_trgm.similarity_threshold = 0.2`); err != nil {
		return nil, fmt.Errorf("looking for near words: %w", err)
	}
	nearer := slices.Clone(sought)
	for i, w := range sought {
		if len(w) < 3 {
			continue
		}
		err := tx.Get(ctx, &nearer[i], `SELECT coalesce((SELECT word FROM product_words WHERE word LIKE $2 LIMIT 1), (SELECT word FROM product_words WHERE word % $1 ORDER BY similarity(word, $1) DESC, word LIMIT 1), $1)`,
			w, "%"+w+"%")
		if err != nil {
			return nil, fmt.Errorf("looking for near words: %w", err)
		}
		if strings.Contains(nearer[i], w) {
			nearer[i] = w
		}
	}
	return nearer, nil
}

// Recount counts how many products there are of each brand, category and state of life, and takes up the words of what is new. tx is the worker's.
func Recount(ctx context.Context, tx *portal.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM product_facets`); err != nil {
		return fmt.Errorf("forgetting facets: %w", err)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO product_facets (facet, value, products)
		SELECT 'brand', brand, count(*) FROM products WHERE brand IS NOT NULL GROUP BY brand UNION ALL
		SELECT 'category', category, count(*) FROM products WHERE category IS NOT NULL GROUP BY category UNION ALL
		SELECT 'lifecycle', lifecycle, count(*) FROM products WHERE lifecycle IS NOT NULL GROUP BY lifecycle`)
	if err != nil {
		return fmt.Errorf("counting facets: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO product_words (word)
		SELECT DISTINCT word FROM products, regexp_split_to_table(lower(name || ' ' || coalesce(brand, '')), '[^[:alnum:]]+') word
		WHERE changed_at = $1 AND length(word) BETWEEN 3 AND 40
		ON CONFLICT (word) DO NOTHING`, tx.Now)
	if err != nil {
		return fmt.Errorf("taking up words: %w", err)
	}
	return nil
}
