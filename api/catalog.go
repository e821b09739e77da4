package api

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/catalog"
	"extranet/portal/orders"
)

func (d door) catalog(h huma.API) {
	h.OpenAPI().Tags = append(h.OpenAPI().Tags, &huma.Tag{Name: "Catalog", Description: "What the host sells, what it costs this partner, where it lies and when it comes."})
	huma.Register(h, operation("search-products", http.MethodGet, "/catalog", "Catalog", "Search products",
		"Finds by number, own number, barcode, name, brand and size: `205/55R16`, `205 55 16` and `2055516` find the same. What is mistyped is corrected, and `corrected` says to what. Prices are the caller's own."), d.searchProducts)
	huma.Register(h, operation("get-product", http.MethodGet, "/catalog/{product}", "Catalog", "See a product",
		"One product with its stock, what each quantity costs the caller, what can stand in, its documents, and where it was bought before."), d.getProduct)
	lookup := operation("look-products-up", http.MethodPost, "/catalog/lookup", "Catalog", "Look numbers up",
		"Up to 1,000 numbers at once: the host's, the partner's own, or barcodes. There is an answer for each, in their order. It changes nothing.")
	lookup.Errors = append(lookup.Errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	huma.Register(h, lookup, d.lookProductsUp)
	huma.Register(h, operation("list-watched", http.MethodGet, "/watched", "Catalog", "List watched products", "What a person watches, as it stands now."), d.listWatched)
	huma.Register(h, deed("watch-product", http.MethodPost, "/catalog/{product}/watch", "Catalog", "Watch a product",
		"Who asks gets mail when it comes into stock or is sold out, and when its price or its state of life changes. A machine names the member who does.", false), d.watchProduct)
	download := operation("get-document", http.MethodGet, "/catalog/{product}/documents/{document}", "Catalog", "Take a document", "The file of a document. That it was taken is audited.")
	download.Responses = map[string]*huma.Response{"200": {Description: "The file", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
	huma.Register(h, download, d.getDocument)
}

// The entities that a figure of the catalogue is made of.
var (
	listEntities    = []string{"products", "availability", "list_prices", "segment_prices", "prices"}
	productEntities = append([]string{"product_links", "documents", "part_numbers"}, listEntities...)
)

// fetch answers a T that is read at once: what changes for everybody at a time has no generation to be cached under.
func fetch[T any](ctx context.Context, d door, what string, c Conditional, entities []string, load func(tx *portal.Tx) (T, error)) (*answer[T], error) {
	by := callerOf(ctx)
	var v T
	if err := d.db.Do(ctx, by, func(tx *portal.Tx) (err error) { v, err = load(tx); return err }); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, problemOf(err)
	}
	h := fnv.New64a()
	h.Write(text)
	return answered[T](ctx, d, kept{hash: strconv.AppendUint(nil, h.Sum64(), 36), body: text}, c, entities)
}

type searchProductsInput struct {
	Conditional
	Q         string   `query:"q" doc:"A number, or words that the product holds" minLength:"1" maxLength:"200"`
	Brand     []string `query:"brand,explode" doc:"Any of these; may be repeated" maxItems:"50"`
	Category  []string `query:"category,explode" doc:"Any of these; may be repeated" maxItems:"50"`
	Lifecycle []string `query:"lifecycle,explode" doc:"Any of these; may be repeated" maxItems:"50"`
	InStock   bool     `query:"in_stock" doc:"Only what may be sold today"`
	Limit     int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor    string   `query:"cursor" doc:"next of an earlier page" minLength:"1" maxLength:"1000"`
}

type productList struct {
	Exact     []catalog.Item  `json:"exact" doc:"Whose number, own number or barcode is what was searched for"`
	Items     []catalog.Item  `json:"items" doc:"The others, by number"`
	Next      string          `json:"next" doc:"Cursor of the next page; empty = this is the last"`
	Corrected string          `json:"corrected" doc:"What was searched for instead; empty where nothing was mistyped"`
	Hits      int             `json:"hits" doc:"How many were found, at least"`
	More      bool            `json:"more" doc:"There are more than hits; those beyond are not listed. Add a word, or narrow by a facet"`
	Facets    []catalog.Facet `json:"facets"`
}

func (d door) searchProducts(ctx context.Context, in *searchProductsInput) (*answer[productList], error) {
	f := catalog.Filter{Text: in.Q, Brands: in.Brand, Categories: in.Category, Lifecycles: in.Lifecycle, InStock: in.InStock, Limit: in.Limit, Cursor: in.Cursor}
	return fetch(ctx, d, "catalog"+f.Key(), in.Conditional, listEntities, func(tx *portal.Tx) (productList, error) {
		found, err := catalog.Search(ctx, tx, f)
		l := productList{Exact: found.Exact, Items: found.Items, Next: found.Next, Corrected: found.Corrected, Hits: found.Hits, More: found.More, Facets: found.Facets}
		if l.Exact == nil {
			l.Exact = []catalog.Item{}
		}
		if l.Items == nil {
			l.Items = []catalog.Item{}
		}
		if l.Facets == nil {
			l.Facets = []catalog.Facet{}
		}
		return l, err
	})
}

type getProductInput struct {
	Conditional
	Product string `path:"product" doc:"The host's number of the product" maxLength:"100"`
}

type productDetail struct {
	catalog.Detail
	Bought []orders.Bought `json:"bought" doc:"The latest orders of it at the caller's sites, at most 10; empty for who may not see orders"`
}

func (d door) getProduct(ctx context.Context, in *getProductInput) (*answer[productDetail], error) {
	return fetch(ctx, d, "catalog/"+in.Product, in.Conditional, productEntities, func(tx *portal.Tx) (p productDetail, err error) {
		if p.Detail, err = catalog.Get(ctx, tx, in.Product); err != nil {
			return p, err
		}
		p.Bought, err = orders.BoughtBefore(ctx, tx, in.Product)
		return p, err
	})
}

type lookProductsUpInput struct {
	Body struct {
		Numbers []catalog.Asked `json:"numbers" minItems:"1" maxItems:"1000"`
	}
}

type lookedUp struct {
	Answers []catalog.Answer `json:"answers" doc:"One for each number, in their order"`
}

func (d door) lookProductsUp(ctx context.Context, in *lookProductsUpInput) (*answer[lookedUp], error) {
	return fetch(ctx, d, "catalog/lookup", Conditional{}, listEntities, func(tx *portal.Tx) (l lookedUp, err error) {
		l.Answers, err = catalog.Lookup(ctx, tx, in.Body.Numbers)
		return l, err
	})
}

type watchedList struct {
	Items []catalog.Item `json:"items"`
}

type listWatchedInput struct {
	Conditional
	Person string `query:"person" doc:"For machines: the member whose list it is" format:"uuid" maxLength:"36"`
}

func (d door) listWatched(ctx context.Context, in *listWatchedInput) (*answer[watchedList], error) {
	person, _ := uuid.Parse(in.Person)
	return fetch(ctx, d, "watched", in.Conditional, listEntities, func(tx *portal.Tx) (l watchedList, err error) {
		l.Items, err = catalog.Watched(ctx, tx, person)
		return l, err
	})
}

type watchProductInput struct {
	Keyed
	Product string `path:"product" doc:"The host's number of the product" maxLength:"100"`
	Body    watching
}

type watching struct {
	Watch  bool   `json:"watch" doc:"false: no more"`
	Person string `json:"person,omitempty" doc:"For machines: the member who gets the mail" format:"uuid" maxLength:"36"`
}

func (d door) watchProduct(ctx context.Context, in *watchProductInput) (*done[watching], error) {
	person, _ := uuid.Parse(in.Body.Person)
	return command(ctx, d, portal.CatalogRead, in.Keyed, "watch "+in.Product, in.Body, nil, func(tx *portal.Tx) (watching, error) {
		return in.Body, catalog.Watch(ctx, tx, person, in.Product, in.Body.Watch)
	})
}

type getDocumentInput struct {
	Product  string `path:"product" doc:"The host's number of the product" maxLength:"100"`
	Document string `path:"document" doc:"The document's own number" maxLength:"200"`
}

func (d door) getDocument(ctx context.Context, in *getDocumentInput) (*huma.StreamResponse, error) {
	by := callerOf(ctx)
	var doc catalog.Document
	if err := d.db.Do(ctx, by, func(tx *portal.Tx) (err error) {
		doc, err = catalog.TakeDocument(ctx, tx, in.Product, in.Document)
		return err
	}); err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	f, err := d.library.Open(doc)
	if err != nil {
		return nil, problemOf(err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer f.Close()
		c.SetHeader("Content-Type", "application/octet-stream")
		c.SetHeader("Content-Disposition", fmt.Sprintf("attachment; filename=%q", doc.Name(in.Product)))
		c.SetHeader("Cache-Control", "private, no-store")
		_, _ = io.Copy(c.BodyWriter(), f)
	}}, nil
}
