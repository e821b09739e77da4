package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"extranet/portal"
)

// Keyed is what every request that does something is sent with.
type Keyed struct {
	IdempotencyKey string `header:"Idempotency-Key" required:"true" doc:"A key that you choose for this request alone, such as a UUID. Sent again with the same request within two days it brings the same answer, and nothing is done twice." minLength:"8" maxLength:"200" pattern:"^[!-~]+$"`
}

// A done is the answer to a request that did something.
type done[T any] struct {
	Status       int    `json:"-"`
	Location     string `header:"Location" doc:"Where what was made is found, for 201"`
	Repeated     string `header:"Idempotency-Replayed" doc:"true: this was done before, under the same key"`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// deed describes a route that does something; created says that it makes something new, and answers 201.
func deed(id, method, path, tag, summary, description string, created bool) huma.Operation {
	op := operation(id, method, path, tag, summary, description)
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	op.DefaultStatus = http.StatusOK
	if created {
		op.DefaultStatus = http.StatusCreated
	}
	return op
}

// command does f once for the caller's key, in one transaction of the caller's, who needs need, and answers with what it returns.
// what names the route with everything of its path; body is what was sent. location returns the path of what was made under
// /api/v1; nil for what makes nothing new. A right that is missing is audited.
func command[T any](ctx context.Context, d door, need portal.Permission, key Keyed, what string, body any, location func(T) string, f func(tx *portal.Tx) (T, error)) (*done[T], error) {
	return commandIn(ctx, d, need, key, what, body, location, func(by portal.Caller, g func(tx *portal.Tx) error) error { return d.db.Do(ctx, by, g) }, f)
}

// commandIn is command in the transaction that do opens for the caller.
func commandIn[T any](ctx context.Context, d door, need portal.Permission, key Keyed, what string, body any, location func(T) string,
	do func(by portal.Caller, g func(tx *portal.Tx) error) error, f func(tx *portal.Tx) (T, error)) (*done[T], error) {
	by := callerOf(ctx)
	if err := by.Need(need); err != nil { // also for one who did it before, and may no more
		return nil, refuse(ctx, d, by, err)
	}
	return doneIn(ctx, d, key, what, body, location, do, f)
}

// doneIn is commandIn for what any member may do.
func doneIn[T any](ctx context.Context, d door, key Keyed, what string, body any, location func(T) string,
	do func(by portal.Caller, g func(tx *portal.Tx) error) error, f func(tx *portal.Tx) (T, error)) (*done[T], error) {
	by := callerOf(ctx)
	request, err := json.Marshal([]any{what, body})
	if err != nil {
		return nil, problemOf(err)
	}
	a := &done[T]{Status: http.StatusOK, CacheControl: "private, no-store"}
	err = do(by, func(tx *portal.Tx) error {
		answer, again, err := tx.Once(ctx, "api "+key.IdempotencyKey, request, func() ([]byte, error) {
			v, err := f(tx)
			if err != nil {
				return nil, err
			}
			return json.Marshal(v)
		})
		if err != nil {
			return err
		}
		if again {
			a.Repeated = "true"
		}
		return json.Unmarshal(answer, &a.Body)
	})
	if err != nil {
		return nil, refuse(ctx, d, by, err)
	}
	if location != nil {
		a.Status, a.Location = http.StatusCreated, Prefix+"/"+strings.TrimPrefix(location(a.Body), "/")
	}
	return a, nil
}
