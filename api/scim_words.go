package api

import (
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"extranet/portal/partners"
)

// scimSetAll hands every attribute of a resource to set, in order of their names.
func scimSetAll(sent scimObject, set func(path string, value any) error) error {
	var names []string
	for name := range sent {
		if !strings.EqualFold(name, "schemas") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 && strings.EqualFold(names[i-1], name) {
			return scimRefused("invalidSyntax", "%s is there twice", name)
		}
		if err := set(name, sent[name]); err != nil {
			return err
		}
	}
	return nil
}

// scimPatch hands every operation of a PATCH to do (RFC 7644, 3.5.2); one without a path is one for each attribute of its value.
func scimPatch(sent scimObject, do func(op, path string, value any) error) error {
	var operations []any
	for name, v := range sent {
		if strings.EqualFold(name, "Operations") {
			operations, _ = v.([]any)
		}
	}
	if len(operations) == 0 || len(operations) > 1000 {
		return scimRefused("invalidSyntax", "Operations is a list of 1 to 1000 operations")
	}
	for _, o := range operations {
		operation, _ := o.(scimObject)
		op, _ := scimMember(operation, "op").(string)
		path, _ := scimMember(operation, "path").(string)
		value := scimMember(operation, "value")
		switch op = strings.ToLower(op); {
		case op != "add" && op != "replace" && op != "remove":
			return scimRefused("invalidSyntax", "op is add, replace or remove")
		case op == "remove" && path == "":
			return scimRefused("noTarget", "say in path what to remove")
		case op != "remove" && value == nil:
			return scimRefused("invalidValue", "%s takes a value", op)
		case path != "":
			if err := do(op, path, value); err != nil {
				return err
			}
		default:
			object, ok := value.(scimObject)
			if !ok {
				return scimRefused("invalidValue", "without a path the value is an object of attributes")
			}
			if err := scimSetAll(object, func(path string, value any) error { return do(op, path, value) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func scimMember(o scimObject, name string) any {
	for k, v := range o {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// Attributes that directories send and the portal has no use for: none of them gives anybody anything.
var scimIgnored = []string{"id", "meta", "nickname", "profileurl", "title", "usertype", "preferredlanguage", "locale", "timezone", "password", "phonenumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509certificates"}

var scimSelected = regexp.MustCompile(`^(\w+)\[(.*)\](?:\.(\w+))?$`)

// scimPath takes an address of an attribute apart: its name and part in lower case, and what is between brackets.
func scimPath(path, schema string) (name, inner string) {
	lower := strings.ToLower(path)
	lower = strings.TrimPrefix(lower, strings.ToLower(schema)+":")
	if m := scimSelected.FindStringSubmatchIndex(lower); m != nil {
		offset := len(path) - len(lower)
		inner = path[offset+m[4] : offset+m[5]]
		name = lower[m[2]:m[3]]
		if m[6] >= 0 {
			name += "." + lower[m[6]:m[7]]
		}
		return name, inner
	}
	return lower, ""
}

func scimText(path string, value any) (string, error) {
	if value == nil {
		return "", nil
	}
	s, ok := value.(string)
	if !ok {
		return "", scimRefused("invalidValue", "%s is a text", path)
	}
	return s, nil
}

// scimSetUser gives the user's attribute the value; nil takes it away. What is read-only is ignored where a whole resource is sent.
func scimSetUser(u *partners.ScimUser, path string, value any, whole bool) (err error) {
	name, _ := scimPath(path, scimUserSchema)
	switch name {
	case "username":
		u.UserName, err = scimText(path, value)
	case "externalid":
		u.ExternalID, err = scimText(path, value)
	case "displayname":
		u.Display, err = scimText(path, value)
	case "name.givenname":
		u.Given, err = scimText(path, value)
	case "name.familyname":
		u.Family, err = scimText(path, value)
	case "name":
		if value == nil {
			u.Given, u.Family = "", ""
			return nil
		}
		parts, ok := value.(scimObject)
		if !ok {
			return scimRefused("invalidValue", "name is an object")
		}
		return scimSetAll(parts, func(part string, value any) error { return scimSetUser(u, "name."+part, value, whole) })
	case "name.formatted", "name.middlename", "name.honorificprefix", "name.honorificsuffix":
	case "active":
		switch v := value.(type) {
		case bool:
			u.Active = v
		case string: // as some directories write it
			if u.Active = strings.EqualFold(v, "true"); !u.Active && !strings.EqualFold(v, "false") {
				return scimRefused("invalidValue", "active is true or false")
			}
		default:
			return scimRefused("invalidValue", "active is true or false")
		}
	case "emails.value":
		u.Email, err = scimText(path, value)
	case "emails.type", "emails.primary", "emails.display":
	case "emails":
		u.Email, err = scimEmail(value)
	case "groups":
		if !whole {
			return scimRefused("mutability", "groups are changed at the group")
		}
	default:
		first, _, _ := strings.Cut(name, ".")
		if !slices.Contains(scimIgnored, first) && !strings.HasPrefix(name, "urn:") {
			return scimRefused("invalidPath", "there is no attribute %q", path)
		}
	}
	return err
}

// scimEmail takes the primary one of the addresses, or else the first.
func scimEmail(value any) (email string, err error) {
	if one, ok := value.(scimObject); ok {
		value = []any{one}
	}
	list, ok := value.([]any)
	if !ok && value != nil {
		return "", scimRefused("invalidValue", "emails is a list of objects")
	}
	for i, v := range list {
		o, ok := v.(scimObject)
		if !ok {
			return "", scimRefused("invalidValue", "emails is a list of objects")
		}
		primary, _ := scimMember(o, "primary").(bool)
		if i == 0 || primary {
			if email, err = scimText("emails.value", scimMember(o, "value")); err != nil {
				return "", err
			}
		}
	}
	return email, nil
}

// scimSetGroup does the operation to the group's attribute.
func scimSetGroup(g *partners.ScimGroup, op, path string, value any, whole bool) (err error) {
	name, inner := scimPath(path, scimGroupSchema)
	if op == "remove" && name != "members" {
		value = nil
	}
	switch {
	case name == "displayname":
		g.Name, err = scimText(path, value)
	case name == "externalid":
		g.ExternalID, err = scimText(path, value)
	case name == "members" && inner != "":
		if op != "remove" {
			return scimRefused("invalidPath", "members are added without a filter")
		}
		f, err := parseScimFilter(inner)
		if err != nil {
			return err
		}
		g.Members = slices.DeleteFunc(g.Members, func(m partners.ScimRef) bool { return f(scimObject{"value": m.ID.String(), "display": m.Display}) })
	case name == "members" && op == "remove" && value == nil:
		g.Members = nil
	case name == "members":
		ids, err := scimMemberIDs(value)
		if err != nil {
			return err
		}
		if op != "add" {
			kept := g.Members
			g.Members = nil
			if op == "remove" {
				g.Members = slices.DeleteFunc(kept, func(m partners.ScimRef) bool { return slices.Contains(ids, m.ID) })
				return nil
			}
		}
		for _, id := range ids {
			if !slices.ContainsFunc(g.Members, func(m partners.ScimRef) bool { return m.ID == id }) {
				g.Members = append(g.Members, partners.ScimRef{ID: id})
			}
		}
	default:
		first, _, _ := strings.Cut(name, ".")
		if !slices.Contains(scimIgnored, first) && !strings.HasPrefix(name, "urn:") {
			return scimRefused("invalidPath", "there is no attribute %q", path)
		}
	}
	return err
}

func scimMemberIDs(value any) (ids []uuid.UUID, err error) {
	if one, ok := value.(scimObject); ok {
		value = []any{one}
	}
	list, ok := value.([]any)
	if !ok {
		return nil, scimRefused("invalidValue", "members is a list of objects with value")
	}
	for _, v := range list {
		o, _ := v.(scimObject)
		text, _ := scimMember(o, "value").(string)
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, scimRefused("invalidValue", "a member's value is the id of a user")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// scimUserNamed returns the user name of a filter that asks for one user name and nothing else; "" of any other.
func scimUserNamed(filter string) string {
	if m := scimNameFilter.FindStringSubmatch(filter); m != nil {
		return m[1]
	}
	return ""
}

var scimNameFilter = regexp.MustCompile(`^(?i:userName)\s+(?i:eq)\s+"([^"\\]+)"$`)

// A scimFilter says whether a resource is asked for (RFC 7644, 3.4.2.2).
type scimFilter = func(scimObject) bool

type scimParser struct {
	words []string
	depth int
}

var scimLexer = regexp.MustCompile(`\s*("(?:[^"\\]|\\.)*"|[()\[\]]|[^\s()\[\]"]+)`)

// parseScimFilter reads a filter: eq, ne, co, sw, ew and pr, joined by and, or and not, with parentheses. An empty one is nil.
func parseScimFilter(text string) (scimFilter, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > 4000 {
		return nil, scimRefused("invalidFilter", "a filter has at most 4000 characters")
	}
	p := &scimParser{}
	rest := text
	for strings.TrimSpace(rest) != "" {
		m := scimLexer.FindStringSubmatchIndex(rest)
		if m == nil || m[0] != 0 {
			return nil, scimRefused("invalidFilter", "the filter cannot be read at %q", rest)
		}
		p.words = append(p.words, rest[m[2]:m[3]])
		rest = rest[m[1]:]
	}
	f, err := p.either()
	if err == nil && len(p.words) > 0 {
		err = scimRefused("invalidFilter", "the filter cannot be read at %q", p.words[0])
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (p *scimParser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *scimParser) is(word string) bool {
	return len(p.words) > 0 && strings.EqualFold(p.words[0], word)
}

func (p *scimParser) either() (scimFilter, error) {
	f, err := p.both()
	for err == nil && p.is("or") {
		p.next()
		left := f
		var right scimFilter
		right, err = p.both()
		f = func(o scimObject) bool { return left(o) || right(o) }
	}
	return f, err
}

func (p *scimParser) both() (scimFilter, error) {
	f, err := p.one()
	for err == nil && p.is("and") {
		p.next()
		left := f
		var right scimFilter
		right, err = p.one()
		f = func(o scimObject) bool { return left(o) && right(o) }
	}
	return f, err
}

func (p *scimParser) one() (scimFilter, error) {
	if p.depth++; p.depth > 50 {
		return nil, scimRefused("invalidFilter", "the filter is nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.is("not") {
		p.next()
		if !p.is("(") {
			return nil, scimRefused("invalidFilter", "not is followed by a parenthesis")
		}
		f, err := p.one()
		return func(o scimObject) bool { return !f(o) }, err
	}
	if p.is("(") {
		p.next()
		f, err := p.either()
		if err == nil && p.next() != ")" {
			err = scimRefused("invalidFilter", "a parenthesis is not closed")
		}
		return f, err
	}
	attribute := p.next()
	if p.is("[") { // emails[type eq "work"]: of one and the same value
		p.next()
		inner, err := p.either()
		if err == nil && p.next() != "]" {
			err = scimRefused("invalidFilter", "a bracket is not closed")
		}
		if err != nil {
			return nil, err
		}
		values, err := scimValues(attribute)
		return func(o scimObject) bool {
			return slices.ContainsFunc(values(o), func(v any) bool { part, ok := v.(scimObject); return ok && inner(part) })
		}, err
	}
	values, err := scimValues(attribute)
	if err != nil {
		return nil, err
	}
	op := strings.ToLower(p.next())
	if op == "pr" {
		return func(o scimObject) bool {
			return slices.ContainsFunc(values(o), func(v any) bool { return v != nil && v != "" })
		}, nil
	}
	test, ok := scimTests[strings.Replace(op, "ne", "eq", 1)]
	if !ok {
		return nil, scimRefused("invalidFilter", "%q is none of eq, ne, co, sw, ew and pr", op)
	}
	want, err := scimValue(p.next())
	if err != nil {
		return nil, err
	}
	if op == "ne" {
		return func(o scimObject) bool {
			return !slices.ContainsFunc(values(o), func(v any) bool { return test(v, want) })
		}, nil
	}
	return func(o scimObject) bool {
		return slices.ContainsFunc(values(o), func(v any) bool { return test(v, want) })
	}, nil
}

// scimTests compare what is there with what is asked for, without regard to case.
var scimTests = map[string]func(v, want any) bool{
	"eq": func(v, want any) bool {
		if _, parts := v.(scimObject); parts {
			return false
		}
		return scimLower(v) == scimLower(want)
	},
	"co": scimTextTest(strings.Contains),
	"sw": scimTextTest(strings.HasPrefix),
	"ew": scimTextTest(strings.HasSuffix),
}

func scimTextTest(f func(s, part string) bool) func(v, want any) bool {
	return func(v, want any) bool {
		s, ok := scimLower(v).(string)
		part, also := scimLower(want).(string)
		return ok && also && f(s, part)
	}
}

func scimLower(v any) any {
	if s, ok := v.(string); ok {
		return strings.ToLower(s)
	}
	return v
}

func scimValue(word string) (any, error) {
	switch strings.ToLower(word) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	if len(word) < 2 || word[0] != '"' || word[len(word)-1] != '"' {
		return nil, scimRefused("invalidFilter", "a value is a text in quotes, true or false")
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(word[1 : len(word)-1]), nil
}

// What can be filtered by.
var scimFilterable = []string{"id", "username", "externalid", "displayname", "active", "emails", "emails.value", "emails.type", "emails.primary", "name", "name.givenname", "name.familyname", "groups", "groups.value", "groups.display", "members", "members.value",
	"members.display", "meta", "meta.created", "meta.lastmodified", "meta.resourcetype", "value", "type", "primary", "display"}

// scimValues reads an attribute of a resource; of several values, each. An attribute of parts is its value.
func scimValues(attribute string) (func(scimObject) []any, error) {
	name := strings.ToLower(attribute)
	for _, schema := range []string{scimUserSchema, scimGroupSchema} {
		name = strings.TrimPrefix(name, strings.ToLower(schema)+":")
	}
	if !slices.Contains(scimFilterable, name) {
		return nil, scimRefused("invalidFilter", "there is no attribute %q to filter by", attribute)
	}
	first, part, _ := strings.Cut(name, ".")
	return func(o scimObject) []any {
		v := scimMember(o, first)
		list, many := v.([]any)
		if !many {
			list = []any{v}
		}
		if part == "" {
			if many { // emails co "x" means their values, and emails[…] each of them
				for _, v := range slices.Clone(list) {
					if p, ok := v.(scimObject); ok {
						list = append(list, p["value"])
					}
				}
			}
			return list
		}
		var out []any
		for _, v := range list {
			if p, ok := v.(scimObject); ok {
				out = append(out, scimMember(p, part))
			}
		}
		return out
	}, nil
}
