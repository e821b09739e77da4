package web

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// An apiDocument is what the page shows of the machines' door, read from its OpenAPI document.
type apiDocument struct {
	Title, Version, Intro, Server string
	Groups                        []apiGroup
	Schemas                       []apiSchema
}

type apiGroup struct {
	Name, Intro string
	Operations  []apiOperation
}

type apiOperation struct {
	ID, Method, Path, Summary, Intro string
	Parameters                       []apiField
	Body                             *apiType
	Answers                          []apiAnswer
}

// An apiField is a parameter, or a member of a schema.
type apiField struct {
	Name, In, Doc, Default string
	Type                   apiType
	Required               bool
	Enum                   []string
}

// An apiType is a type in words, and the schema it speaks of, if any.
type apiType struct{ Text, Schema string }

type apiAnswer struct {
	Status, Doc string
	Type        apiType
	Headers     []apiField
}

type apiSchema struct {
	Name, Doc string
	Fields    []apiField
}

// openAPI is the part of OpenAPI 3.1 that is shown.
type openAPI struct {
	Info    struct{ Title, Version, Description string }
	Servers []struct{ URL string }
	Tags    []struct{ Name, Description string }
	Paths   map[string]map[string]struct {
		OperationID, Summary, Description string
		Tags                              []string
		Parameters                        []openAPIParameter
		RequestBody                       *struct{ Content openAPIContent }
		Responses                         map[string]struct {
			Description string
			Content     openAPIContent
			Headers     map[string]openAPIParameter
		}
	}
	Components struct{ Schemas map[string]openAPISchema }
}

type openAPIParameter struct {
	Name, In, Description string
	Required              bool
	Schema                openAPISchema
}

type openAPIContent map[string]struct{ Schema openAPISchema }

type openAPISchema struct {
	Ref                  string `json:"$ref"`
	Type                 any
	Format, Description  string
	Enum                 []any
	Default              any
	Items                *openAPISchema
	Properties           map[string]openAPISchema
	AdditionalProperties any
	Required             []string
	Minimum, Maximum     *float64
	MaxLength, MaxItems  *int
}

// readAPI panics on what is no OpenAPI document: it is made by this program.
func readAPI(document []byte) (d apiDocument) {
	if len(document) == 0 {
		return d
	}
	var o openAPI
	if err := json.Unmarshal(document, &o); err != nil {
		panic("web: the OpenAPI document: " + err.Error())
	}
	d = apiDocument{Title: o.Info.Title, Version: o.Info.Version, Intro: o.Info.Description}
	if len(o.Servers) > 0 {
		d.Server = o.Servers[0].URL
	}
	for _, t := range o.Tags {
		d.Groups = append(d.Groups, apiGroup{Name: t.Name, Intro: t.Description})
	}
	for _, path := range slices.Sorted(maps.Keys(o.Paths)) {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			op, ok := o.Paths[path][method]
			if !ok {
				continue
			}
			out := apiOperation{ID: op.OperationID, Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Intro: op.Description}
			for _, p := range op.Parameters {
				out.Parameters = append(out.Parameters, fieldOf(p.Name, p.In, p.Description, p.Required, p.Schema))
			}
			if op.RequestBody != nil {
				out.Body = op.RequestBody.Content.kind()
			}
			for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
				r := op.Responses[status]
				a := apiAnswer{Status: status, Doc: r.Description}
				if t := r.Content.kind(); t != nil {
					a.Type = *t
				}
				for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
					a.Headers = append(a.Headers, fieldOf(name, "header", r.Headers[name].Description, false, r.Headers[name].Schema))
				}
				out.Answers = append(out.Answers, a)
			}
			group := ""
			if len(op.Tags) > 0 {
				group = op.Tags[0]
			}
			i := slices.IndexFunc(d.Groups, func(g apiGroup) bool { return g.Name == group })
			if i < 0 {
				i = len(d.Groups)
				d.Groups = append(d.Groups, apiGroup{Name: group})
			}
			d.Groups[i].Operations = append(d.Groups[i].Operations, out)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Components.Schemas)) {
		s := o.Components.Schemas[name]
		out := apiSchema{Name: name, Doc: s.Description}
		for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[field]
			out.Fields = append(out.Fields, fieldOf(field, "", p.Description, slices.Contains(s.Required, field), p))
		}
		d.Schemas = append(d.Schemas, out)
	}
	return d
}

func fieldOf(name, in, doc string, required bool, s openAPISchema) apiField {
	f := apiField{Name: name, In: in, Doc: doc, Required: required, Type: s.kind()}
	if f.Doc == "" {
		f.Doc = s.Description
	}
	choices := s.Enum
	if len(choices) == 0 && s.Items != nil {
		choices = s.Items.Enum
	}
	for _, v := range choices {
		f.Enum = append(f.Enum, fmt.Sprint(v))
	}
	if s.Default != nil {
		f.Default = fmt.Sprint(s.Default)
	}
	return f
}

func (c openAPIContent) kind() *apiType {
	for _, media := range slices.Sorted(maps.Keys(c)) {
		t := c[media].Schema.kind()
		return &t
	}
	return nil
}

// kind says the type in words.
func (s openAPISchema) kind() apiType {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return apiType{name, name}
	}
	var words []string
	switch t := s.Type.(type) {
	case string:
		words = []string{t}
	case []any:
		for _, v := range t {
			words = append(words, fmt.Sprint(v))
		}
	}
	text := ""
	for i, word := range words {
		if i > 0 {
			text += " or "
		}
		if word == "array" && s.Items != nil {
			inner := s.Items.kind()
			text += "list of " + inner.Text
			if inner.Schema != "" {
				return apiType{text, inner.Schema}
			}
			continue
		}
		if word != "null" && s.Format != "" {
			word += " (" + s.Format + ")"
		}
		text += word
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		text += fmt.Sprintf(", %g to %g", *s.Minimum, *s.Maximum)
	case s.MaxLength != nil:
		text += fmt.Sprintf(", at most %d characters", *s.MaxLength)
	}
	if text == "" {
		text = "any"
	}
	return apiType{Text: text}
}

// good reports whether the answer is the one hoped for; the others are alike for every operation.
func (a apiAnswer) good() bool {
	return strings.HasPrefix(a.Status, "2") || strings.HasPrefix(a.Status, "3")
}

// others are the statuses of the answers that are not good, in a row.
func (o apiOperation) others() (list []string) {
	for _, a := range o.Answers {
		if !a.good() {
			list = append(list, a.Status)
		}
	}
	return list
}

// curl is a request that can be tried from a shell.
func (w *Web) curl(o apiOperation) string {
	path := o.Path
	for _, p := range o.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", strings.ToUpper(p.Name))
		}
	}
	method := ""
	if o.Method != http.MethodGet {
		method = "-X " + o.Method + " "
	}
	return "curl " + method + `-H "Authorization: Bearer $TOKEN" ` + w.base + w.docs().Server + path
}

func (w *Web) showDocs(_ context.Context, r request) (reply, error) {
	r.shell.Title = "API documentation"
	return reply{page: DocsPage(r.shell, w.docs(), w.curl)}, nil
}

// A piece of text, which may be meant literally.
type piece struct {
	text    string
	literal bool
}

// prose parts text at its backquotes.
func prose(text string) (pieces []piece) {
	for i, part := range strings.Split(text, "`") {
		if part != "" {
			pieces = append(pieces, piece{part, i%2 == 1})
		}
	}
	return pieces
}
