package purchasing

import (
	"context"
	"io"

	"extranet/portal"
	"extranet/portal/files"
)

// What goes with a shipment, such as a delivery note or a certificate, lies with its notice; both sides see it.

func papersOf(number string) string { return "dispatches/" + number }

// Attach adds a file to a notice of the supplier's own. A notice that is not there is NotFound.
func Attach(ctx context.Context, tx *portal.Tx, s files.Store, number string, f files.Checked) (file files.File, err error) {
	if err := tx.Need(portal.DispatchSend); err != nil {
		return file, err
	}
	if _, err := dispatchOf(ctx, tx, tx.By.PartnerID, number); err != nil {
		return file, err
	}
	tx.Changed("purchasing", tx.By.PartnerID)
	return files.Add(ctx, tx, s, papersOf(number), f)
}

// Paper returns a file of a notice of the supplier's own. Close the content.
func Paper(ctx context.Context, tx *portal.Tx, s files.Store, number, id string) (f files.File, content io.ReadCloser, err error) {
	if _, err := GetDispatch(ctx, tx, number); err != nil {
		return f, nil, err
	}
	return files.Take(ctx, tx, s, tx.By.PartnerID, papersOf(number), id)
}

// PaperOf returns a file of a supplier's notice to the host's buyers. Close the content.
func PaperOf(ctx context.Context, tx *portal.Tx, s files.Store, partner, number, id string) (f files.File, content io.ReadCloser, err error) {
	p, err := SupplierOf(ctx, tx, partner)
	if err != nil {
		return f, nil, err
	}
	if _, err := dispatchOf(ctx, tx, p.ID, number); err != nil {
		return f, nil, err
	}
	return files.Take(ctx, tx, s, p.ID, papersOf(number), id)
}
