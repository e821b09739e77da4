package api

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The greatest of what an answer can hold. Mirrored text is bounded by the reader of the core; only remarks may be long.
const (
	textAtMost   = 2000
	remarkAtMost = 1 << 20
	itemsAtMost  = 100_000
)

// describe completes what the types cannot say: how long a value can be, the headers of every answer, who the document is for.
func describe(o *huma.OpenAPI) {
	for _, s := range o.Servers {
		s.Extensions = map[string]any{"x-internal": false}
	}
	for _, s := range o.Components.Schemas.Map() {
		bound("", s)
	}
	for _, path := range o.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Put, path.Patch, path.Delete} {
			if op == nil {
				continue
			}
			for status, r := range op.Responses {
				if r.Headers == nil {
					r.Headers = map[string]*huma.Param{}
				}
				for name, doc := range map[string]string{
					"RateLimit":                   "What is left of the caller's requests (draft-ietf-httpapi-ratelimit-headers-10)",
					"RateLimit-Policy":            "How many requests in how many seconds",
					"Access-Control-Allow-Origin": "The portal's own origin: no other site's page may read this",
					"X-Request-Id":                "Names the request to those who help",
				} {
					r.Headers[name] = &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
				}
				if status == "429" || status == "503" {
					r.Headers["Retry-After"] = &huma.Param{Description: "Seconds to wait", Schema: &huma.Schema{Type: huma.TypeString}}
				}
				for _, h := range r.Headers {
					bound("", h.Schema)
				}
				for _, c := range r.Content {
					bound("", c.Schema)
				}
			}
		}
	}
}

// bound says the greatest length and size of everything in s that does not say so itself.
func bound(name string, s *huma.Schema) {
	if s == nil {
		return
	}
	atMost := func(p **int, n int) {
		if *p == nil {
			*p = &n
		}
	}
	switch s.Type {
	case huma.TypeString:
		switch {
		case len(s.Enum) > 0:
		case s.Format == "date":
			atMost(&s.MaxLength, len("2006-01-02"))
		case s.Format == "date-time":
			atMost(&s.MaxLength, len("2006-01-02T15:04:05.000000000+00:00"))
		case name == "comment" || name == "description":
			atMost(&s.MaxLength, remarkAtMost)
		default:
			atMost(&s.MaxLength, textAtMost)
		}
	case huma.TypeInteger:
		if s.Minimum == nil {
			least := -float64(1 << 53)
			s.Minimum = &least
		}
		if s.Maximum == nil {
			most := float64(1 << 53)
			s.Maximum = &most
		}
	case huma.TypeArray:
		atMost(&s.MaxItems, itemsAtMost)
		bound(name, s.Items)
	}
	for name, p := range s.Properties {
		bound(strings.ToLower(name), p)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		bound("", more)
	}
}
