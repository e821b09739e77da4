package notices

import (
	"context"
	"io"
	"strconv"

	"extranet/portal"
	"extranet/portal/files"
)

// document names a notice of the host's as files and commands know it; givenDocument a partner's own.
func document(notice string) string { return "notices/" + notice }

func givenDocument(number int64) string { return "given-notices/" + strconv.FormatInt(number, 10) }

// A Place says with which notice a file is kept: Number is the notice's; Given says that the partner gave it. Partner is the account number
// of whose it is, for the host's staff; "" is the caller's own company.
type Place struct {
	Partner string
	Number  string
	Given   bool
}

// document is the partner and the document of the place, as far as the caller may see it; NotFound where there is no such notice.
func (p Place) document(ctx context.Context, tx *portal.Tx) (partner int64, doc string, err error) {
	switch {
	case p.Given && p.Partner == "":
		d, err := GetGiven(ctx, tx, p.Number)
		return tx.By.PartnerID, givenDocument(d.Number), err
	case p.Given:
		d, err := GetReceived(ctx, tx, p.Partner, p.Number)
		return d.PartnerID, givenDocument(d.Number), err
	case p.Partner == "":
		d, err := Get(ctx, tx, p.Number)
		return tx.By.PartnerID, document(d.Notice), err
	}
	d, err := GetOf(ctx, tx, p.Partner, p.Number)
	return d.PartnerID, document(d.Notice), err
}

// May is the right to add files there.
func (p Place) May() portal.Permission {
	if p.Partner == "" {
		return portal.NoticesAnswer
	}
	return portal.NoticesManage
}

// Seen returns NotFound where the caller sees no such notice.
func Seen(ctx context.Context, tx *portal.Tx, p Place) error {
	_, _, err := p.document(ctx, tx)
	return err
}

// Attach keeps a checked file with a notice; either side may, and both see it. A notice that is not there is NotFound, one with as many as it can have a Conflict.
func Attach(ctx context.Context, tx *portal.Tx, s files.Store, p Place, f files.Checked) (file files.File, err error) {
	if err := tx.Need(p.May()); err != nil {
		return file, err
	}
	id, doc, err := p.document(ctx, tx)
	if err != nil {
		return file, err
	}
	if file, err = files.AddFor(ctx, tx, s, id, doc, f); err != nil {
		return file, err
	}
	tx.Changed("notices", id)
	return file, nil
}

// Detach returns a file of a notice to be given away; that is audited. Close the content.
func Detach(ctx context.Context, tx *portal.Tx, s files.Store, p Place, file string) (files.File, io.ReadCloser, error) {
	id, doc, err := p.document(ctx, tx)
	if err != nil {
		return files.File{}, nil, err
	}
	return files.Take(ctx, tx, s, id, doc, file)
}
