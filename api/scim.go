package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
)

// ScimPrefix is where a partner's own directory tells of its people and groups (SCIM 2.0, RFC 7644).
const ScimPrefix = "/scim/v2"

const (
	scimUserSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	scimGroupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
	scimMessages    = "urn:ietf:params:scim:api:messages:2.0:"
	scimType        = "application/scim+json"
	scimPage        = 100 // resources that a list answers with unless it asks for fewer or more
	scimPageAtMost  = 200
	scimBodyAtMost  = 1 << 20
)

// A scimFault is why a request is refused in SCIM's own words (RFC 7644, 3.12).
type scimFault struct {
	status int
	kind   string // scimType
	detail string
}

func (f scimFault) Error() string { return f.detail }

func scimRefused(kind, format string, a ...any) error {
	return scimFault{http.StatusBadRequest, kind, fmt.Sprintf(format, a...)}
}

type scimObject = map[string]any

// scim opens the door for partners' directories. Everything there takes an API token with the right people:provision.
func (d door) scim(e *gin.Engine) {
	g := e.Group(ScimPrefix, d.scimCaller)
	g.GET("/ServiceProviderConfig", d.scimRead(func(context.Context, *portal.Tx, *gin.Context) (any, error) { return scimConfig, nil }))
	g.GET("/ResourceTypes", d.scimRead(func(context.Context, *portal.Tx, *gin.Context) (any, error) {
		return scimList(scimResourceTypes, len(scimResourceTypes), 1), nil
	}))
	g.GET("/ResourceTypes/:id", d.scimRead(scimNamed(scimResourceTypes, "id")))
	g.GET("/Schemas", d.scimRead(func(context.Context, *portal.Tx, *gin.Context) (any, error) {
		return scimList(scimSchemas, len(scimSchemas), 1), nil
	}))
	g.GET("/Schemas/:id", d.scimRead(scimNamed(scimSchemas, "id")))

	g.GET("/Users", d.scimRead(d.scimUsers))
	g.POST("/Users", d.scimWrite(http.StatusCreated, d.scimCreateUser))
	g.GET("/Users/:id", d.scimRead(d.scimUser))
	g.PUT("/Users/:id", d.scimWrite(http.StatusOK, d.scimReplaceUser))
	g.PATCH("/Users/:id", d.scimWrite(http.StatusOK, d.scimPatchUser))
	g.DELETE("/Users/:id", d.scimWrite(http.StatusNoContent, d.scimDeleteUser))

	g.GET("/Groups", d.scimRead(d.scimGroups))
	g.POST("/Groups", d.scimWrite(http.StatusCreated, d.scimCreateGroup))
	g.GET("/Groups/:id", d.scimRead(d.scimGroup))
	g.PUT("/Groups/:id", d.scimWrite(http.StatusOK, d.scimReplaceGroup))
	g.PATCH("/Groups/:id", d.scimWrite(http.StatusOK, d.scimPatchGroup))
	g.DELETE("/Groups/:id", d.scimWrite(http.StatusNoContent, d.scimDeleteGroup))
}

// scimCaller puts the caller into the request: a machine with a token, and the right to provision.
func (d door) scimCaller(c *gin.Context) {
	by, err := d.caller(c)
	if err == nil && by.SessionID != uuid.Nil {
		err = portal.Errorf(portal.Unauthenticated, "send an API token of your company: Authorization: Bearer ext_…")
	}
	if err == nil {
		err = d.limits.take(c.Writer.Header(), by)
	}
	if err == nil {
		c.Set("partner", by.PartnerID) // for the request's log line
		ctx := context.WithValue(c.Request.Context(), callerKey{}, by)
		c.Request = c.Request.WithContext(context.WithValue(ctx, addressKey{}, c.Request.Method+" "+c.Request.URL.Path))
		if err = by.Need(portal.PeopleProvision); err != nil {
			err = d.scimDenied(c, by, err)
		}
	}
	if err != nil {
		scimFail(c, err)
	}
}

// scimDenied records that the right was missing.
func (d door) scimDenied(c *gin.Context, by portal.Caller, err error) error {
	if portal.Says(err).Kind != portal.Forbidden || by.PartnerID == 0 {
		return err
	}
	return errors.Join(err, d.db.AuditDenial(c.Request.Context(), by, c.Request.Method+" "+c.Request.URL.Path, err))
}

// scimFail answers with the error as RFC 7644, 3.12, has it.
func scimFail(c *gin.Context, err error) {
	_ = c.Error(err) // for the request's log line
	f, ok := errors.AsType[scimFault](err)
	if !ok {
		says := portal.Says(err)
		f = scimFault{status: statuses[says.Kind], detail: says.Msg}
		for name, cure := range says.Fields {
			f.detail += fmt.Sprintf("; %s: %s", name, cure)
		}
		switch says.Kind {
		case portal.Conflict:
			f.kind = "uniqueness"
		case portal.Invalid:
			f.status, f.kind = http.StatusBadRequest, "invalidValue"
		case portal.Unauthenticated:
			c.Header("WWW-Authenticate", `Bearer realm="extranet"`)
		case portal.Unavailable:
			c.Header("Retry-After", "2")
		}
	}
	body := scimObject{"schemas": []string{scimMessages + "Error"}, "status": strconv.Itoa(f.status), "detail": f.detail}
	if f.kind != "" {
		body["scimType"] = f.kind
	}
	c.Abort()
	scimAnswer(c, f.status, body)
}

func scimAnswer(c *gin.Context, status int, body any) {
	c.Header("Cache-Control", "no-store")
	if body == nil {
		c.Status(status)
		c.Writer.WriteHeaderNow()
		return
	}
	b, err := json.Marshal(body)
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	c.Data(status, scimType, b)
}

// scimRead answers what f reads in the caller's transaction, or 304 for a resource that the asker has as it is.
func (d door) scimRead(f func(context.Context, *portal.Tx, *gin.Context) (any, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		by, ctx := callerOf(c.Request.Context()), c.Request.Context()
		var body any
		err := d.db.Do(ctx, by, func(tx *portal.Tx) (err error) { body, err = f(ctx, tx, c); return err })
		if err != nil {
			scimFail(c, d.scimDenied(c, by, err))
			return
		}
		if v := scimVersion(body); v != "" {
			c.Header("ETag", v)
			if matches(c.GetHeader("If-None-Match"), v) {
				scimAnswer(c, http.StatusNotModified, nil)
				return
			}
		}
		scimAnswer(c, http.StatusOK, scimPick(body, c))
	}
}

// scimWrite does f in the caller's transaction and answers with what it returns.
func (d door) scimWrite(status int, f func(context.Context, *portal.Tx, *gin.Context, scimObject) (any, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		by, ctx := callerOf(c.Request.Context()), c.Request.Context()
		sent, err := scimSent(c)
		if err != nil {
			scimFail(c, err)
			return
		}
		var body any
		err = d.db.Do(ctx, by, func(tx *portal.Tx) (err error) { body, err = f(ctx, tx, c, sent); return err })
		if err != nil {
			scimFail(c, d.scimDenied(c, by, err))
			return
		}
		if v := scimVersion(body); v != "" {
			c.Header("ETag", v)
		}
		if status == http.StatusCreated {
			c.Header("Location", body.(scimObject)["meta"].(scimObject)["location"].(string))
		}
		scimAnswer(c, status, scimPick(body, c))
	}
}

// scimSent reads the body of a request that has one.
func scimSent(c *gin.Context) (sent scimObject, err error) {
	if c.Request.Method == http.MethodDelete {
		return nil, nil
	}
	if t, _, _ := strings.Cut(c.GetHeader("Content-Type"), ";"); t != scimType && t != "application/json" {
		return nil, scimFault{http.StatusUnsupportedMediaType, "", "send " + scimType}
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, scimBodyAtMost))
	if err != nil {
		return nil, scimFault{http.StatusRequestEntityTooLarge, "", "this is more than one request can hold; send it in parts"}
	}
	if err := json.Unmarshal(b, &sent); err != nil || sent == nil {
		return nil, scimRefused("invalidSyntax", "the body is no JSON object")
	}
	return sent, nil
}

// scimIfMatch refuses a change to what is no longer as the asker has it (RFC 7644, 3.14).
func scimIfMatch(c *gin.Context, body any) error {
	if want := c.GetHeader("If-Match"); want != "" && !matches(want, scimVersion(body)) {
		return scimFault{http.StatusPreconditionFailed, "", "it was changed since; read it again"}
	}
	return nil
}

func scimVersion(body any) string {
	o, _ := body.(scimObject)
	meta, _ := o["meta"].(scimObject)
	v, _ := meta["version"].(string)
	return v
}

// scimPick leaves of a resource what is asked for by attributes and excludedAttributes (RFC 7644, 3.9); schemas and id are always there.
func scimPick(body any, c *gin.Context) any {
	wanted, but := scimWords(c.Query("attributes")), scimWords(c.Query("excludedAttributes"))
	o, ok := body.(scimObject)
	if !ok || wanted == nil && but == nil {
		return body
	}
	if list, ok := o["Resources"].([]any); ok {
		for i, r := range list {
			list[i] = scimPick(r, c)
		}
		return body
	}
	for name := range o {
		in := func(words []string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, name) })
		}
		if name != "id" && name != "schemas" && (wanted != nil && !in(wanted) || in(but)) {
			delete(o, name)
		}
	}
	return o
}

func scimWords(list string) (words []string) {
	for w := range strings.SplitSeq(list, ",") {
		if w = strings.TrimSpace(w); w != "" {
			w = w[strings.LastIndex(w, ":")+1:]
			w, _, _ = strings.Cut(w, ".")
			words = append(words, w)
		}
	}
	return words
}

func scimList(resources []any, total, start int) scimObject {
	return scimObject{"schemas": []string{scimMessages + "ListResponse"}, "totalResults": total, "startIndex": start, "itemsPerPage": len(resources), "Resources": resources}
}

func scimNamed(list []any, key string) func(context.Context, *portal.Tx, *gin.Context) (any, error) {
	return func(_ context.Context, _ *portal.Tx, c *gin.Context) (any, error) {
		for _, r := range list {
			if r.(scimObject)[key] == c.Param("id") {
				return r, nil
			}
		}
		return nil, portal.Errorf(portal.NotFound, "there is no such description")
	}
}

// scimPaged answers the part of the resources that is asked for, of those that the filter lets through.
func scimPaged(c *gin.Context, all []scimObject) (any, error) {
	f, err := parseScimFilter(c.Query("filter"))
	if err != nil {
		return nil, err
	}
	start, err := scimNumber(c, "startIndex", 1)
	if err != nil {
		return nil, err
	}
	count, err := scimNumber(c, "count", scimPage)
	if err != nil {
		return nil, err
	}
	start, count = max(start, 1), min(max(count, 0), scimPageAtMost)
	found := []any{}
	total := 0
	for _, r := range all {
		if f != nil && !f(r) {
			continue
		}
		if total++; total >= start && len(found) < count {
			found = append(found, r)
		}
	}
	return scimList(found, total, start), nil
}

func scimNumber(c *gin.Context, name string, otherwise int) (int, error) {
	text := c.Query(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, scimRefused("invalidValue", "%s is a number", name)
	}
	return n, nil
}

func scimMeta(kind string, id uuid.UUID, created, changed time.Time, what any) scimObject {
	b, _ := json.Marshal(what)
	hash := sha256.Sum256(b)
	return scimObject{"resourceType": kind, "created": created.Format(time.RFC3339Nano), "lastModified": changed.Format(time.RFC3339Nano),
		"location": ScimPrefix + "/" + kind + "s/" + id.String(), "version": `W/"` + hex.EncodeToString(hash[:8]) + `"`}
}

func scimUserOf(u partners.ScimUser) scimObject {
	o := scimObject{"schemas": []string{scimUserSchema}, "id": u.ID.String(), "userName": u.UserName, "active": u.Active,
		"emails": []any{scimObject{"value": u.Email, "type": "work", "primary": true}}}
	if u.ExternalID != "" {
		o["externalId"] = u.ExternalID
	}
	if u.Display != "" {
		o["displayName"] = u.Display
	}
	if u.Given+u.Family != "" {
		o["name"] = scimObject{"givenName": u.Given, "familyName": u.Family, "formatted": strings.TrimSpace(u.Given + " " + u.Family)}
	}
	groups := []any{}
	for _, g := range u.Groups {
		groups = append(groups, scimObject{"value": g.ID.String(), "display": g.Display, "$ref": ScimPrefix + "/Groups/" + g.ID.String()})
	}
	o["groups"] = groups
	o["meta"] = scimMeta("User", u.ID, u.CreatedAt, u.ChangedAt, o)
	return o
}

func scimGroupOf(g partners.ScimGroup) scimObject {
	members := []any{}
	for _, m := range g.Members {
		members = append(members, scimObject{"value": m.ID.String(), "display": m.Display, "type": "User", "$ref": ScimPrefix + "/Users/" + m.ID.String()})
	}
	o := scimObject{"schemas": []string{scimGroupSchema}, "id": g.ID.String(), "displayName": g.Name, "members": members}
	if g.ExternalID != "" {
		o["externalId"] = g.ExternalID
	}
	o["meta"] = scimMeta("Group", g.ID, g.CreatedAt, g.ChangedAt, o)
	return o
}

func scimID(c *gin.Context) uuid.UUID { id, _ := uuid.Parse(c.Param("id")); return id }

func (d door) scimUsers(ctx context.Context, tx *portal.Tx, c *gin.Context) (any, error) {
	// Directories ask for one user name before each change: that one is looked up.
	list, err := partners.ScimUsers(ctx, tx, scimUserNamed(c.Query("filter")))
	if err != nil {
		return nil, err
	}
	all := make([]scimObject, len(list))
	for i, u := range list {
		all[i] = scimUserOf(u)
	}
	return scimPaged(c, all)
}

func (d door) scimUser(ctx context.Context, tx *portal.Tx, c *gin.Context) (any, error) {
	u, err := partners.ScimUserByID(ctx, tx, scimID(c))
	if err != nil {
		return nil, err
	}
	return scimUserOf(u), nil
}

func (d door) scimCreateUser(ctx context.Context, tx *portal.Tx, _ *gin.Context, sent scimObject) (any, error) {
	u := partners.ScimUser{Active: true}
	if err := scimSetAll(sent, func(path string, value any) error { return scimSetUser(&u, path, value, true) }); err != nil {
		return nil, err
	}
	if err := partners.SaveScimUser(ctx, tx, &u); err != nil {
		return nil, err
	}
	return scimUserOf(u), nil
}

// changeUser does f to the user that the address names, and keeps the outcome.
func changeUser(ctx context.Context, tx *portal.Tx, c *gin.Context, f func(u *partners.ScimUser) error) (any, error) {
	u, err := partners.ScimUserByID(ctx, tx, scimID(c))
	if err != nil {
		return nil, err
	}
	if err := scimIfMatch(c, scimUserOf(u)); err != nil {
		return nil, err
	}
	if err := f(&u); err != nil {
		return nil, err
	}
	if err := partners.SaveScimUser(ctx, tx, &u); err != nil {
		return nil, err
	}
	return scimUserOf(u), nil
}

func (d door) scimReplaceUser(ctx context.Context, tx *portal.Tx, c *gin.Context, sent scimObject) (any, error) {
	return changeUser(ctx, tx, c, func(u *partners.ScimUser) error {
		*u = partners.ScimUser{ID: u.ID, Person: u.Person, CreatedAt: u.CreatedAt, Groups: u.Groups, Active: true}
		return scimSetAll(sent, func(path string, value any) error { return scimSetUser(u, path, value, true) })
	})
}

func (d door) scimPatchUser(ctx context.Context, tx *portal.Tx, c *gin.Context, sent scimObject) (any, error) {
	return changeUser(ctx, tx, c, func(u *partners.ScimUser) error {
		return scimPatch(sent, func(op, path string, value any) error {
			if op == "remove" {
				value = nil
			}
			return scimSetUser(u, path, value, false)
		})
	})
}

func (d door) scimDeleteUser(ctx context.Context, tx *portal.Tx, c *gin.Context, _ scimObject) (any, error) {
	return nil, partners.DeleteScimUser(ctx, tx, scimID(c))
}

func (d door) scimGroups(ctx context.Context, tx *portal.Tx, c *gin.Context) (any, error) {
	list, err := partners.ScimGroups(ctx, tx)
	if err != nil {
		return nil, err
	}
	all := make([]scimObject, len(list))
	for i, g := range list {
		all[i] = scimGroupOf(g)
	}
	return scimPaged(c, all)
}

func (d door) scimGroup(ctx context.Context, tx *portal.Tx, c *gin.Context) (any, error) {
	g, err := partners.ScimGroupByID(ctx, tx, scimID(c))
	if err != nil {
		return nil, err
	}
	return scimGroupOf(g), nil
}

func saveGroup(ctx context.Context, tx *portal.Tx, g *partners.ScimGroup) (any, error) {
	if err := partners.SaveScimGroup(ctx, tx, g); err != nil {
		return nil, err
	}
	now, err := partners.ScimGroupByID(ctx, tx, g.ID)
	if err != nil {
		return nil, err
	}
	return scimGroupOf(now), nil
}

func (d door) scimCreateGroup(ctx context.Context, tx *portal.Tx, _ *gin.Context, sent scimObject) (any, error) {
	var g partners.ScimGroup
	if err := scimSetAll(sent, func(path string, value any) error { return scimSetGroup(&g, "replace", path, value, true) }); err != nil {
		return nil, err
	}
	return saveGroup(ctx, tx, &g)
}

// changeGroup does f to the group that the address names, and keeps the outcome.
func changeGroup(ctx context.Context, tx *portal.Tx, c *gin.Context, f func(g *partners.ScimGroup) error) (any, error) {
	g, err := partners.ScimGroupByID(ctx, tx, scimID(c))
	if err != nil {
		return nil, err
	}
	if err := scimIfMatch(c, scimGroupOf(g)); err != nil {
		return nil, err
	}
	if err := f(&g); err != nil {
		return nil, err
	}
	return saveGroup(ctx, tx, &g)
}

func (d door) scimReplaceGroup(ctx context.Context, tx *portal.Tx, c *gin.Context, sent scimObject) (any, error) {
	return changeGroup(ctx, tx, c, func(g *partners.ScimGroup) error {
		*g = partners.ScimGroup{ID: g.ID, CreatedAt: g.CreatedAt}
		return scimSetAll(sent, func(path string, value any) error { return scimSetGroup(g, "replace", path, value, true) })
	})
}

func (d door) scimPatchGroup(ctx context.Context, tx *portal.Tx, c *gin.Context, sent scimObject) (any, error) {
	return changeGroup(ctx, tx, c, func(g *partners.ScimGroup) error {
		return scimPatch(sent, func(op, path string, value any) error { return scimSetGroup(g, op, path, value, false) })
	})
}

func (d door) scimDeleteGroup(ctx context.Context, tx *portal.Tx, c *gin.Context, _ scimObject) (any, error) {
	return nil, partners.DeleteScimGroup(ctx, tx, scimID(c))
}

var scimConfig = scimObject{
	"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
	"patch":   scimObject{"supported": true}, "bulk": scimObject{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
	"filter": scimObject{"supported": true, "maxResults": scimPageAtMost}, "changePassword": scimObject{"supported": false}, "sort": scimObject{"supported": false}, "etag": scimObject{"supported": true},
	"authenticationSchemes": []any{scimObject{"type": "oauthbearertoken", "name": "API token", "description": "A token of the partner with the right people:provision"}},
	"meta":                  scimObject{"resourceType": "ServiceProviderConfig", "location": ScimPrefix + "/ServiceProviderConfig"},
}

var scimResourceTypes = []any{scimResourceType("User", "/Users", scimUserSchema), scimResourceType("Group", "/Groups", scimGroupSchema)}

func scimResourceType(name, endpoint, schema string) scimObject {
	return scimObject{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, "id": name, "name": name, "endpoint": endpoint, "schema": schema,
		"meta": scimObject{"resourceType": "ResourceType", "location": ScimPrefix + "/ResourceTypes/" + name}}
}

func scimAttribute(name, kind, mutability string, required, unique, many bool, parts ...any) any {
	uniqueness := "none"
	if unique {
		uniqueness = "server"
	}
	a := scimObject{"name": name, "type": kind, "multiValued": many, "required": required, "caseExact": false, "mutability": mutability, "returned": "default", "uniqueness": uniqueness}
	if parts != nil {
		a["subAttributes"] = parts
	}
	return a
}

var scimSchemas = []any{
	scimObject{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": scimUserSchema, "name": "User", "description": "Somebody who may act for the partner, once they signed in",
		"attributes": []any{
			scimAttribute("userName", "string", "readWrite", true, true, false),
			scimAttribute("name", "complex", "readWrite", false, false, false, scimAttribute("givenName", "string", "readWrite", false, false, false), scimAttribute("familyName", "string", "readWrite", false, false, false), scimAttribute("formatted", "string", "readOnly", false, false, false)),
			scimAttribute("displayName", "string", "readWrite", false, false, false),
			scimAttribute("emails", "complex", "readWrite", true, true, true, scimAttribute("value", "string", "readWrite", true, true, false), scimAttribute("type", "string", "readOnly", false, false, false), scimAttribute("primary", "boolean", "readOnly", false, false, false)),
			scimAttribute("active", "boolean", "readWrite", false, false, false),
			scimAttribute("groups", "complex", "readOnly", false, false, true, scimAttribute("value", "string", "readOnly", false, false, false), scimAttribute("display", "string", "readOnly", false, false, false)),
		}, "meta": scimObject{"resourceType": "Schema", "location": ScimPrefix + "/Schemas/" + scimUserSchema}},
	scimObject{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": scimGroupSchema, "name": "Group", "description": "A group, which makes its members what the host decided",
		"attributes": []any{
			scimAttribute("displayName", "string", "readWrite", true, true, false),
			scimAttribute("members", "complex", "readWrite", false, false, true, scimAttribute("value", "string", "immutable", true, false, false), scimAttribute("display", "string", "readOnly", false, false, false)),
		}, "meta": scimObject{"resourceType": "Schema", "location": ScimPrefix + "/Schemas/" + scimGroupSchema}},
}
