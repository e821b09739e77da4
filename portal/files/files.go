// Package files keeps what partners add to their documents: photos, scans, lists. A file is judged by its content, rid of what it need
// not tell, and kept before anyone may open it; it is given away as an attachment, never shown in place.
package files

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
)

// A Store keeps the contents. Names are made by this package and hold nothing of the partner's.
type Store interface {
	Put(ctx context.Context, name string, content []byte) error
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// Folder is a Store in a folder that every process of the portal shares.
type Folder string

// Put writes the file whole, or not at all.
func (f Folder) Put(_ context.Context, name string, content []byte) error {
	at := f.path(name)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(at), ".new-*")
	if err != nil {
		return err
	}
	_, err = t.Write(content)
	if err = errors.Join(err, t.Sync(), t.Close()); err == nil {
		err = os.Rename(t.Name(), at)
	}
	if err != nil {
		_ = os.Remove(t.Name())
	}
	return err
}

// Open returns the content to read.
func (f Folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(f.path(name))
}

func (f Folder) path(name string) string { return filepath.Join(string(f), name[len(name)-2:], name) }

// A File is what is known of one.
type File struct {
	ID         uuid.UUID `db:"file_id" json:"id"`
	Document   string    `db:"document" json:"-"`
	Name       string    `db:"name" json:"name"`
	Kind       string    `db:"kind" json:"type" doc:"Its media type, by what it holds"`
	Size       int64     `db:"size" json:"size" doc:"Bytes"`
	UploadedAt time.Time `db:"uploaded_at" json:"uploaded_at"`
	UploadedBy string    `db:"uploaded_by" json:"uploaded_by"`
}

// Picture reports whether it is a photo.
func (f File) Picture() bool { return f.Kind == "image/jpeg" || f.Kind == "image/png" }

const columns = `file_id, document, name, kind, size, uploaded_at, uploaded_by`

// MostPerDocument is how many files a document can have.
const MostPerDocument = 20

// A Checked file may be added: it was judged, and holds nothing but what it shows.
type Checked struct {
	c   checked
	sum [32]byte
}

// Check judges a file by its content; name is only what it is called. What is not taken is Invalid and says why. It takes no connection.
func Check(name string, content []byte) (Checked, error) {
	c, err := check(name, content)
	return Checked{c, sha256.Sum256(content)}, err
}

// Sum tells one content from every other.
func (c Checked) Sum() string { return fmt.Sprintf("%x", c.sum) }

// Picture returns the media type and the content of a picture, which was made anew from what was uploaded and may be shown in place; "" = it is none.
func (c Checked) Picture() (kind string, content []byte) {
	if !strings.HasPrefix(c.c.kind, "image/") {
		return "", nil
	}
	return c.c.kind, c.c.content
}

// Add keeps a checked file with a document of the caller's partner. The caller may change that document: whoever calls sees to it.
// A document that is full is a Conflict. Where the host keeps no files, that is NotFound.
func Add(ctx context.Context, tx *portal.Tx, s Store, document string, f Checked) (file File, err error) {
	return AddFor(ctx, tx, s, tx.By.PartnerID, document, f)
}

// AddFor is Add with a document of another partner's: the host's staff do this.
func AddFor(ctx context.Context, tx *portal.Tx, s Store, partner int64, document string, f Checked) (file File, err error) {
	if s == nil {
		return file, portal.Errorf(portal.NotFound, "the host takes no files here; send them to your contact at the host")
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('files ' || $1 || ' ' || $2, 0))`, fmt.Sprint(partner), document); err != nil {
		return file, err
	}
	var n int
	if err := tx.Get(ctx, &n, `SELECT count(*) FROM files WHERE partner_id = $1 AND document = $2`, partner, document); err != nil {
		return file, fmt.Errorf("counting files: %w", err)
	}
	if n >= MostPerDocument {
		return file, portal.Errorf(portal.Conflict, "there are %d files already; that is as many as it can have", n)
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return file, err
	}
	file = File{ID: id, Document: document, Name: f.c.name, Kind: f.c.kind, Size: int64(len(f.c.content)), UploadedAt: tx.Now, UploadedBy: tx.By.Name}
	if err := s.Put(ctx, id.String(), f.c.content); err != nil {
		return file, portal.Because(portal.Unavailable, err, "the file could not be kept; try again shortly")
	}
	_, err = tx.Exec(ctx, `INSERT INTO files (partner_id, file_id, document, name, kind, size, sha256, uploaded_at, uploaded_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		partner, file.ID, document, file.Name, file.Kind, file.Size, f.sum[:], tx.Now, tx.By.Name)
	if err != nil {
		return file, fmt.Errorf("keeping a file: %w", err)
	}
	return file, tx.AuditFor(ctx, partner, "files.add", document+"/files/"+id.String(), map[string]string{"name": file.Name, "type": file.Kind})
}

// Of lists the files of a partner's document, oldest first. Whoever may see the document may see them.
func Of(ctx context.Context, tx *portal.Tx, partner int64, document string) (list []File, err error) {
	list = []File{}
	if err := tx.Select(ctx, &list, `SELECT `+columns+` FROM files WHERE partner_id = $1 AND document = $2 ORDER BY uploaded_at, file_id`, partner, document); err != nil {
		return nil, fmt.Errorf("listing files: %w", err)
	}
	return list, nil
}

// Take returns a file of a partner's document to be given away, and audits with that partner that it was. The caller may see the
// document: whoever calls sees to it. One that is not there is NotFound. Close the content.
func Take(ctx context.Context, tx *portal.Tx, s Store, partner int64, document, id string) (f File, content io.ReadCloser, err error) {
	none := portal.Errorf(portal.NotFound, "there is no such file")
	key, err := uuid.Parse(id)
	if err != nil || s == nil {
		return f, nil, none
	}
	err = tx.Get(ctx, &f, `SELECT `+columns+` FROM files WHERE partner_id = $1 AND document = $2 AND file_id = $3`, partner, document, key)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil, none
	} else if err != nil {
		return f, nil, fmt.Errorf("reading a file: %w", err)
	}
	if err := tx.AuditFor(ctx, partner, "files.take", document+"/files/"+key.String(), map[string]string{"name": f.Name}); err != nil {
		return f, nil, err
	}
	content, err = s.Open(ctx, key.String())
	if err != nil {
		return f, nil, portal.Because(portal.Unavailable, err, "the file cannot be read at present; try again shortly")
	}
	return f, content, nil
}

// Disposition is the header that has a browser keep the file and not show it.
func Disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r > '~' || r < ' ' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + url.PathEscape(name)
}
