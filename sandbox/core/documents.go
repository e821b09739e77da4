package core

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// LayDown writes the files that the company's documents of items are kept in, those that are not there yet.
func LayDown(ctx context.Context, db *sql.DB, folder string) error {
	rows, err := db.QueryContext(ctx, `SELECT d.file, d.title, coalesce(d.version, ''), rtrim(i.item_no), i.descr, coalesce(i.size_code, ''), i.weight_g FROM erp.item_document d JOIN erp.item i USING (item_no)`)
	if err != nil {
		return fmt.Errorf("laying documents down: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var file, title, version, item, descr, size string
		var grams int
		if err := rows.Scan(&file, &title, &version, &item, &descr, &size, &grams); err != nil {
			return err
		}
		path := filepath.Join(folder, filepath.FromSlash(file))
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		sheet := pdf(title, "Version "+version, "Article "+item, descr, "Size "+size, fmt.Sprintf("Weight %d.%03d kg", grams/1000, grams%1000), Name)
		if err := os.WriteFile(path, sheet, 0o644); err != nil {
			return err
		}
	}
	return rows.Err()
}

// pdf is one page of lines.
func pdf(lines ...string) []byte {
	var text strings.Builder
	for i, line := range lines {
		line = strings.Map(func(r rune) rune { // the standard fonts know no more
			if r > 126 || r < 32 || r == '(' || r == ')' || r == '\\' {
				return ' '
			}
			return r
		}, line)
		fmt.Fprintf(&text, "BT /F1 %d Tf 60 %d Td (%s) Tj ET\n", map[bool]int{true: 20, false: 12}[i == 0], 760-28*i, line)
	}
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", text.Len(), text.String()), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	at := make([]int, len(objects))
	for i, o := range objects {
		at[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}
