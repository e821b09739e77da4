package sheet_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"extranet/portal"
	"extranet/portal/sheet"
)

func TestInert(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Dana": "Dana", "PO-12": "PO-12", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM": "'@SUM", "\t=1": "'\t'=1", "\r": "'\r",
		"x;=1": "x;'=1", "x,@a": "x,'@a", `x"=1`: `x"'=1`, "a\n=1": "a\n'=1", "＝1": "'＝1", "info@acme.example": "info@acme.example", "==": "'==",
	} {
		if got := sheet.Inert(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func show(t sheet.Table) string {
	var b strings.Builder
	for _, r := range append([]sheet.Row{t.Header}, t.Rows...) {
		fmt.Fprintf(&b, "%d:%s\n", r.Number, strings.Join(r.Cells, "|"))
	}
	return b.String()
}

func TestRead_csv(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"comma":         {"a,b\n1,2\n", "1:a|b\n2:1|2\n"},
		"semicolon":     {"a;b\r\n1,5;2\r\n", "1:a|b\n2:1,5|2\n"},
		"tab":           {"a\tb\n1;x\t2", "1:a|b\n2:1;x|2\n"},
		"told":          {"sep=;\na;b,c\n", "1:a|b,c\n"},
		"mark":          {"\uFEFFa;b\n1;2", "1:a|b\n2:1|2\n"},
		"empty rows":    {"\n\na;b\n;;\n 1 ;\u00a02\n\n3;4", "3:a|b\n5:1|2\n7:3|4\n"},
		"quotes":        {"a,b\n\"x\"\"y, \nz\",2\n3,4", "1:a|b\n2:x\"y, \nz|2\n3:3|4\n"},
		"windows":       {"a;b\nM\xfcller;\x80", "1:a|b\n2:Müller|€\n"},
		"utf-16":        {"\xff\xfea\x00;\x00b\x00\n\x00\xfc\x00", "1:a|b\n2:ü\n"},
		"one column":    {"number\nT1\nT2", "1:number\n2:T1\n3:T2\n"},
		"old line ends": {"a,b\r1,2\r", "1:a|b\n2:1|2\n"},
	} {
		got, err := sheet.Text(c.in, sheet.Limits{})
		if err != nil || show(got) != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, show(got), c.want)
		}
	}
}

func TestRead_refuses(t *testing.T) {
	small := sheet.Limits{Bytes: 1000, Rows: 2, Columns: 3, Cell: 10}
	for in, want := range map[string]string{
		"":                             "nothing in it",
		"\n\n":                         "nothing in it",
		"a,b\n\"x,2":                   "row 2: column A: a quote is opened",
		"a,b\n\"x\"y,2":                "row 2: column A: something follows",
		"a\n1\n2\n3":                   "more than 2 rows",
		"a\n1,2,3,4":                   "row 2 has 4 columns",
		"a\n12345678901":               "row 2, column A: a cell holds 10",
		"a\x00b":                       "neither CSV nor XLSX",
		"a,b\n1,\x01":                  "row 2, column B: this is not text",
		strings.Repeat("a,b\n", 400):   "larger than",
		"PK\x03\x04nonsense":           "cannot be read",
		"\xd0\xcf\x11\xe0\xa1\xb1\x1a": "old kind",
	} {
		_, err := sheet.Text(in, small)
		if says := portal.Says(err); says.Kind != portal.Invalid || !strings.Contains(says.Msg, want) {
			t.Errorf("%.20q: %v, want %q", in, err, want)
		}
	}
}

// TestRead_bombs shows that a small file which is large inside costs little, and says so.
func TestRead_bombs(t *testing.T) {
	bomb := func(rows string, strange string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, text := range map[string]string{
			"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
			"_rels/.rels":                `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
			"xl/workbook.xml":            `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
			"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
			"xl/worksheets/sheet1.xml":   `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows + `</sheetData></worksheet>`,
			"xl/strange.xml":             strange,
		} {
			f, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	row := `<row><c t="inlineStr"><is><t>x</t></is></c></row>`
	for name, c := range map[string]struct{ rows, strange, want string }{
		"whole":       {row, "", ""},
		"many rows":   {strings.Repeat(row, 20_000), "", "more than 10000 rows"},
		"wide":        {`<row r="1"><c r="XFD1" t="inlineStr"><is><t>x</t></is></c></row>`, "", "columns"},
		"large sheet": {strings.Repeat(" ", 60<<20), "", "cannot be read"},
		"large part":  {row, strings.Repeat("a", 60<<20), "cannot be read"},
	} {
		_, err := sheet.Read(bytes.NewReader(bomb(c.rows, c.strange)), sheet.Limits{})
		if c.want == "" && err != nil || c.want != "" && (portal.Says(err).Kind != portal.Invalid || !strings.Contains(portal.Says(err).Msg, c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestWriter_comesBack shows that what is written as XLSX or CSV is read as it was, that no text becomes a formula, and that numbers and days stay such.
func TestWriter_comesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"csv", "xlsx"}).Draw(t, "kind")
		text := rapid.StringMatching(`[a-zA-Z0-9äß€"';,.=+@\- /]{0,20}`).Draw(t, "text")
		n := rapid.Int64Range(-1e9, 1e9).Draw(t, "hundredths")
		amount := portal.Amount(fmt.Sprintf("%d.%02d", n/100, max(n%100, -(n%100))))
		var b bytes.Buffer
		w, err := sheet.NewWriter(&b, kind, "List", []string{"text", "amount", "day", "count"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Row(text, amount, portal.Date("2026-03-31"), 7); err != nil {
			t.Fatal(err)
		}
		if err := w.About("About", [][2]string{{"What", "=1+1"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		file := b.Bytes()
		got, err := sheet.Read(bytes.NewReader(file), sheet.Limits{})
		if err != nil || len(got.Rows) != 1 || got.Rows[0].Number != 2 {
			t.Fatalf("%v %+v", err, got)
		}
		r := got.Rows[0]
		if r.Cell(0) != strings.TrimSpace(sheet.Inert(text)) {
			t.Errorf("text %q came back as %q", text, r.Cell(0))
		}
		if number, err := got.Number(r.Cell(1)); err != nil || !number.Equal(amount.Number()) {
			t.Errorf("amount %s came back as %q: %v", amount, r.Cell(1), err)
		}
		if day, err := got.Day(r.Cell(2)); err != nil || day != "2026-03-31" {
			t.Errorf("the day came back as %q: %v", r.Cell(2), err)
		}
		if kind == "xlsx" {
			book, err := excelize.OpenReader(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			defer book.Close()
			if f, err := book.GetCellFormula("List", "A2"); f != "" || err != nil {
				t.Errorf("%q is a live formula", text)
			}
		}
	})
}

func TestNumber(t *testing.T) {
	table, err := sheet.Text("a;b\n1;2", sheet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{"12": "12", "12.5": "12.5", "12,5": "12.5", "1.234,50": "1234.5", "1,234.50": "1234.5", "1'234.50": "1234.5", "1 234": "1234", "1.234.567": "1234567",
		"0,125": "0.125", "-4": "-4", "1,2345": "1.2345", "−3": "-3",
		"1,234": "!", "1.234": "!", "": "!", "x": "!", "1e5": "!", "1,2,3.4.5": "!", "12 pcs": "!", "0x10": "!", "NaN": "!", "99999999999999999999": "!"} {
		got, err := table.Number(in)
		if (want == "!") != (err != nil) || err == nil && got.String() != want {
			t.Errorf("%q: %s %v, want %s", in, got, err, want)
		}
	}
	for in, want := range map[string]portal.Date{"2026-03-31": "2026-03-31", "31.3.2026": "2026-03-31", "": "", "20260331": "2026-03-31", "03/04/2026": "!", "31.2.2026": "!", "45000": "!"} {
		got, err := table.Day(in)
		if (want == "!") != (err != nil) || err == nil && got != want {
			t.Errorf("%q: %s %v, want %s", in, got, err, want)
		}
	}
}
