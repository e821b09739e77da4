package portal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// onceKept is how long a key is remembered.
const onceKept = 48 * time.Hour

// Viewing is Forbidden: whoever looks as a partner changes nothing.
var Viewing = Errorf(Forbidden, "you are viewing the portal as a partner; nothing can be changed. Stop viewing first")

// Once does what the caller asks at most once for a key of the caller's own choosing, within tx. The first time it runs f and
// keeps the answer; again is false. The same key with the same request brings that answer again, and f does not run; it waits for
// one that is under way. A key used for another request is Invalid. An error from f leaves nothing behind: the key is free.
// request says all that makes one request differ from another. Another caller's key is another key. Keys last for two days.
func (tx *Tx) Once(ctx context.Context, key string, request []byte, f func() (answer []byte, err error)) (answer []byte, again bool, err error) {
	if len(key) < 8 || len(key) > 250 {
		return nil, false, &Error{Kind: Invalid, Msg: "this request cannot be told from others", Fields: map[string]string{"Idempotency-Key": "must be 8 to 200 characters that you use for this request alone, such as a UUID"}}
	}
	if tx.By.ReadOnly {
		return nil, false, Viewing
	}
	caller := tx.By.Name
	if tx.By.PersonID != uuid.Nil {
		caller = tx.By.PersonID.String()
	}
	hash := sha256.Sum256(request)
	if _, err := tx.Exec(ctx, `DELETE FROM once WHERE partner_id = $1 AND at < $2`, tx.By.PartnerID, tx.Now.Add(-onceKept)); err != nil {
		return nil, false, fmt.Errorf("forgetting old keys: %w", err)
	}
	n, err := tx.Exec(ctx, `INSERT INTO once (partner_id, caller, key, request_hash, answer, at) VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT (partner_id, caller, key) DO NOTHING`,
		tx.By.PartnerID, caller, key, hash[:], tx.Now)
	if err != nil {
		return nil, false, fmt.Errorf("keeping the key: %w", err)
	}
	if n == 0 {
		var was struct {
			Hash   []byte `db:"request_hash"`
			Answer []byte `db:"answer"`
		}
		if err := tx.Get(ctx, &was, `SELECT request_hash, answer FROM once WHERE partner_id = $1 AND caller = $2 AND key = $3`, tx.By.PartnerID, caller, key); err != nil {
			return nil, false, fmt.Errorf("reading the key: %w", err)
		}
		if !bytes.Equal(was.Hash, hash[:]) {
			return nil, false, &Error{Kind: Invalid, Msg: "this key was used for another request", Fields: map[string]string{"Idempotency-Key": "choose a new one for each request; send the same one only to repeat the very same request"}}
		}
		return was.Answer, true, nil
	}
	if answer, err = f(); err != nil {
		return nil, false, err
	}
	if answer == nil {
		answer = []byte{}
	}
	if _, err := tx.Exec(ctx, `UPDATE once SET answer = $4 WHERE partner_id = $1 AND caller = $2 AND key = $3`, tx.By.PartnerID, caller, key, answer); err != nil {
		return nil, false, fmt.Errorf("keeping the answer: %w", err)
	}
	return answer, false, nil
}
