package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"extranet/portal"
)

// A Library is the folder that the host keeps its documents in. Nothing outside of it can be had. The zero Library has none.
type Library struct{ root *os.Root }

// OpenLibrary opens the folder; "" = there is none.
func OpenLibrary(folder string) (Library, error) {
	if folder == "" {
		return Library{}, nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return Library{}, fmt.Errorf("opening the folder of documents: %w", err)
	}
	return Library{root}, nil
}

// Open returns the document's file. One that is not there is NotFound.
func (l Library) Open(d Document) (*os.File, error) {
	gone := portal.Errorf(portal.NotFound, "the host has not laid this document down yet; ask your contact at the host for %q", d.Title)
	if l.root == nil {
		return nil, gone
	}
	f, err := l.root.Open(filepath.FromSlash(strings.TrimPrefix(path.Clean("/"+d.File), "/")))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, gone
	} else if err != nil {
		return nil, fmt.Errorf("opening a document: %w", err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(gone, err)
	}
	return f, nil
}

// media are the types that a document is given away as; whatever else it is, it is bytes.
var media = map[string]string{".pdf": "application/pdf", ".txt": "text/plain; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".zip": "application/zip", ".png": "image/png", ".jpg": "image/jpeg",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}

// MediaType is the document's, by the end of its name.
func (d Document) MediaType() string {
	return cmp.Or(media[strings.ToLower(path.Ext(d.File))], "application/octet-stream")
}

// Name is what the file is called where it is saved: which product, what, which version.
func (d Document) Name(product string) string {
	name := product + " " + d.Kind
	if d.Version != "" {
		name += " v" + d.Version
	}
	name = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, name)
	if ext := strings.ToLower(path.Ext(d.File)); media[ext] != "" {
		name += ext
	}
	return name
}
