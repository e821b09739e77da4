package portal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	"github.com/lib/pq"
)

// Kind says what the caller can do about an error.
type Kind int

const (
	Internal        Kind = iota // nothing; it is ours to mend
	Malformed                   // send something readable
	Unauthenticated             // sign in, or send a valid token
	Forbidden                   // ask your administrator
	NotFound                    // it is absent, or another partner's
	Conflict                    // look again; it changed
	Invalid                     // cure the named fields
	TooMany                     // wait, then go on
	Unavailable                 // wait; we are coming back
)

// An Error may be shown to a partner. Every other error is Internal and stays in the log.
type Error struct {
	Kind   Kind
	Msg    string
	Fields map[string]string // field: what is wrong with it and how to cure it
	Saying Saying            // Msg before it was said in English, where it was made of values; empty where Msg stands as it is
	cause  error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Msg + ": " + e.cause.Error()
	}
	return e.Msg
}

func (e *Error) Unwrap() error { return e.cause }

// On returns what is wrong with the field, or nothing.
func (e *Error) On(field string) string {
	if e == nil {
		return ""
	}
	return e.Fields[field]
}

// Errorf returns an error that may be shown.
func Errorf(k Kind, format string, a ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, a...), Saying: Saying{format, a}}
}

// Because returns an error that may be shown, with a cause that may not.
func Because(k Kind, cause error, format string, a ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, a...), Saying: Saying{format, a}, cause: cause}
}

// Says returns the part of err that may be shown, or a plain Internal error.
func Says(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Msg: "something went wrong on our side"}
}

// Broke reports whether err violates the named constraint.
func Broke(err error, constraint string) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && e.Constraint == constraint
}

// told tells a database that cannot be reached or will not wait, and text that is none, from a mistake of ours.
func told(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if _, shown := errors.AsType[*Error](err); shown {
		return err
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		switch e.Code.Class() {
		case "08", "53", "57": // connection, resources, operator intervention
			return Because(Unavailable, err, "the portal's database is not answering; try again shortly")
		}
		switch e.Code {
		case "42P01", "3F000": // no such table or schema
			return Because(Unavailable, err, "the portal's database lacks its schema; run extranet migrate")
		case "22021": // invalid UTF-8, or a zero byte
			return Because(Malformed, err, "this holds characters that are not text")
		case "55P03", "25006", "40001", "40P01": // lock timeout, read-only, serialization, deadlock
			return Because(Unavailable, err, "the portal's database is busy; try again shortly")
		}
		return err
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, pq.ErrInFailedTransaction) {
		return Because(Unavailable, err, "the portal's database is not answering; try again shortly")
	}
	return err
}
