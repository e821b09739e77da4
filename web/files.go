package web

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"

	"extranet/portal"
	"extranet/portal/files"
)

// filesAtOnce is how many files a form may bring.
const filesAtOnce = 10

// takeFiles gives add each file that a form brought, once it is judged. fault names every file that is not taken with the reason; the others are kept.
func takeFiles(r request, add func(f files.Checked) error) (fault *portal.Error, err error) {
	refused, kept, sent := map[string]string{}, 0, 0
	var all []*multipart.FileHeader
	if r.files != nil {
		all = r.files.File["file"]
	}
	for i, h := range all {
		if h.Size == 0 {
			continue
		}
		sent++
		var says *portal.Error
		switch err := takeOne(h, i, add); {
		case err == nil:
			kept++
		case errors.As(err, &says):
			what := says.On("file")
			if what == "" {
				what = says.Msg
			}
			refused[fmt.Sprintf("file-%d", i+1)] = h.Filename + ": " + what
		default:
			return nil, err
		}
	}
	if sent == 0 {
		refused["files"] = "choose a file first"
	}
	if len(refused) == 0 {
		return nil, nil
	}
	msg := "nothing was added"
	if kept > 0 {
		msg = fmt.Sprintf("%d of %d files were added", kept, sent)
	}
	return &portal.Error{Kind: portal.Invalid, Msg: msg, Fields: refused}, nil
}

func takeOne(h *multipart.FileHeader, i int, add func(f files.Checked) error) error {
	if i >= filesAtOnce {
		return portal.Errorf(portal.Invalid, "only %d files are taken at once", filesAtOnce)
	}
	f, err := h.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, files.MaxBytes+1))
	if err != nil {
		return err
	}
	checked, err := files.Check(h.Filename, content)
	if err != nil {
		return err
	}
	return add(checked)
}

// given is a file that somebody added, on its way to somebody.
func given(f files.File, content io.Reader) (*file, error) {
	made, err := newFile(f.Name, f.Kind, func(out io.Writer) error { _, err := io.Copy(out, content); return err })
	if err == nil {
		made.added = true
	}
	return made, err
}
