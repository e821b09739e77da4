package paper

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func letter(t *testing.T, rows int) []byte {
	t.Helper()
	d := A4(Head{Title: "Statement", From: "Host", Footer: "Host · as of 2 Mar 2026", At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)})
	d.Facts([2]string{"Account", "D100"}, [2]string{"Nothing", ""})
	d.Heading("Entries")
	err := d.Table([]Column{{"Day", 2, false}, {"What", 5, false}, {"Amount", 2, true}}, func(add func(...string)) error {
		for i := range rows {
			add("2 Mar 2026", strings.Repeat("a long text with Ünïcödé, Ελληνικά, Кириллица and \U0001F600 ", 1+i%4), fmt.Sprint(i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Text("two\nlines")
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestA4(t *testing.T) {
	t.Parallel()
	one, again := letter(t, 200), letter(t, 200)
	if !bytes.Equal(one, again) {
		t.Error("the same content at the same time makes another file")
	}
	pages := bytes.Count(one, []byte("/Type /Page\n"))
	if !bytes.HasPrefix(one, []byte("%PDF-1.")) || pages < 4 || pages > 30 {
		t.Errorf("%d bytes with %d pages", len(one), pages)
	}
}

// TestA4_anyText: whatever partners and the core write makes a PDF.
func TestA4_anyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := A4(Head{Title: rapid.String().Draw(t, "title"), From: rapid.String().Draw(t, "from")})
		d.Text(rapid.String().Draw(t, "text"))
		cell := rapid.String().Draw(t, "cell")
		if err := d.Table([]Column{{"A", 1, false}, {"B", 9, true}}, func(add func(...string)) error { add(cell, cell, cell); add(); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := d.Write(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestCode128 reads back what was drawn, by the rules of the symbology.
func TestCode128(t *testing.T) {
	t.Parallel()
	if len(patterns) != 107 {
		t.Fatalf("%d patterns", len(patterns))
	}
	seen := map[string]bool{}
	for _, p := range patterns[:106] {
		sum, bars := 0, 0
		for i, w := range p {
			sum += int(w - '0')
			if i%2 == 0 {
				bars += int(w - '0')
			}
		}
		if sum != 11 || bars%2 != 0 || seen[p] {
			t.Errorf("%s is no pattern of its own of 11 modules with an even number of bars", p)
		}
		seen[p] = true
	}
	read := func(modules []bool) (text string, gs1 bool) {
		var runs []byte
		for i := 0; i < len(modules); {
			n := 1
			for i+n < len(modules) && modules[i+n] == modules[i] {
				n++
			}
			runs = append(runs, byte('0'+n))
			i += n
		}
		var values []int
		for len(runs) > 7 {
			for v, p := range patterns {
				if string(runs[:6]) == p {
					values = append(values, v)
				}
			}
			runs = runs[6:]
		}
		check := values[0]
		for i, v := range values[1 : len(values)-1] {
			check += (i + 1) * v
		}
		if string(runs) != patterns[stop] || check%103 != values[len(values)-1] {
			t.Fatalf("stop %s, check %d of %v", runs, check%103, values)
		}
		inC := values[0] == startC
		for _, v := range values[1 : len(values)-1] {
			switch {
			case v == fnc1:
				gs1 = true
			case inC && v == codeB, !inC && v == codeC:
				inC = !inC
			case inC:
				text += fmt.Sprintf("%02d", v)
			default:
				text += string(rune(v + ' '))
			}
		}
		return text, gs1
	}
	rapid.Check(t, func(rt *rapid.T) {
		data, gs1 := rapid.StringMatching(`[ -~]{1,20}|[0-9]{1,20}|[A-Z]{1,3}[0-9]{1,9}[A-Z]{0,3}`).Draw(rt, "data"), rapid.Bool().Draw(rt, "gs1")
		modules, err := code128(data, gs1)
		if err != nil {
			rt.Fatal(err)
		}
		if got, mark := read(modules); got != data || mark != gs1 {
			rt.Fatalf("%q reads %q, GS1 %t", data, got, mark)
		}
	})
	if _, err := code128("é", false); err == nil {
		t.Error("é has no bars")
	}
}
