package files

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"extranet/portal"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// photo is red at its upper left, and says where it was taken and how the camera was held.
func photo(t testing.TB, w, h int, held byte) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h / 2 {
		for x := range w / 2 {
			img.Set(x, y, color.RGBA{R: 255, A: 255})
		}
	}
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, img, nil))
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), held, 0, 0, 0, 0, 0, 0)
	exif = append(exif, "GPS 48.8584 N SECRETPLACE"...)
	out := append([]byte{0xFF, 0xD8, 0xFF, 0xE1, byte((len(exif) + 2) >> 8), byte(len(exif) + 2)}, exif...)
	return append(out, b.Bytes()[2:]...)
}

// hugePNG says that it has w × h pixels, in few bytes.
func hugePNG(w, h uint32) []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(name string, data []byte) {
		binary.Write(&b, binary.BigEndian, uint32(len(data)))
		body := append([]byte(name), data...)
		b.Write(body)
		binary.Write(&b, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	chunk("IHDR", append(head, 1, 0, 0, 0, 0))
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(make([]byte, 1<<20))
	zw.Close()
	chunk("IDAT", z.Bytes())
	chunk("IEND", nil)
	return b.Bytes()
}

func zipOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		must(t, err)
		_, err = io.WriteString(w, content)
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

func book(t testing.TB) []byte {
	t.Helper()
	f := excelize.NewFile()
	must(t, f.SetCellValue("Sheet1", "A1", "x"))
	b, err := f.WriteToBuffer()
	must(t, err)
	return b.Bytes()
}

// TestCheck_hostile: what could be run, shown in place, or cost much is refused, whatever it is called.
func TestCheck_hostile(t *testing.T) {
	pdf := "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
	bomb := map[string]string{"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "<workbook/>", "xl/sheet.xml": strings.Repeat("0", 80<<20)}
	for name, content := range map[string][]byte{
		"svg":             []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
		"svg with blanks": []byte("\n  \t<svg onload=alert(1)>"),
		"html":            []byte("<!DOCTYPE html><script>alert(1)</script>"),
		"html as photo":   []byte("<html><body>hi"),
		"xml":             []byte(`<?xml version="1.0"?><x/>`),
		"gif":             []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
		"exe":             append([]byte("MZ\x90\x00\x03"), make([]byte, 200)...),
		"elf":             append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 200)...),
		"script":          []byte("\x00\x01binary"),
		"not UTF-8":       []byte("abc\xff\xfe\xfd"),
		"escape codes":    []byte("abc\x1b[2J"),
		"empty":           {},
		"too large":       bytes.Repeat([]byte("a"), MaxBytes+1),
		"PDF with script": []byte(strings.Replace(pdf, "/Catalog", "/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>", 1)),
		"PDF with launch": []byte(strings.Replace(pdf, "/Catalog", "/Catalog/AA<</S/Launch>>", 1)),
		"PDF cut off":     []byte("%PDF-1.4\n1 0 obj"),
		"PDF in HTML":     []byte("<script>alert(1)</script>" + pdf),
		"zip":             zipOf(t, map[string]string{"a.txt": "a"}),
		"zip bomb":        zipOf(t, bomb),
		"macros":          zipOf(t, map[string]string{"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "<workbook/>", "xl/vbaProject.bin": "x"}),
		"huge PNG":        hugePNG(60000, 60000),
		"wide PNG":        hugePNG(30000, 10),
		"damaged JPEG":    photo(t, 64, 64, 1)[:300],
	} {
		if c, err := Check("photo.jpg", content); portal.Says(err).Kind != portal.Invalid || portal.Says(err).On("file") == "" {
			t.Errorf("%s is taken as %s: %v", name, c.c.kind, err)
		}
	}
	for name, c := range map[string]struct {
		content    []byte
		kind, kept string
	}{
		"../../etc/passwd.html": {photo(t, 64, 48, 1), "image/jpeg", "passwd.jpg"},
		`C:\photos\tyre 1.jpeg`: {photo(t, 64, 48, 1), "image/jpeg", "tyre-1.jpg"},
		"scan\u202efdp.exe":     {[]byte(pdf), "application/pdf", "scanfdp.pdf"},
		"\r\nSet-Cookie: x.txt": {[]byte("plain words, ümlaut"), "text/plain", "Set-Cookie-x.txt"},
		"list.csv":              {[]byte("a,b\n1,2\n3,4\n"), "text/csv", "list.csv"},
		"...":                   {book(t), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "file.xlsx"},
	} {
		got, err := Check(name, c.content)
		if err != nil || got.c.kind != c.kind || got.c.name != c.kept {
			t.Errorf("%q: %q of %s, %v; want %q of %s", name, got.c.name, got.c.kind, err, c.kept, c.kind)
		}
	}
}

// TestCheck_pictures: the place is gone, and the picture stands upright.
func TestCheck_pictures(t *testing.T) {
	for held, corner := range map[byte][2]int{1: {0, 0}, 3: {1, 1}, 6: {1, 0}, 8: {0, 1}} {
		c, err := Check("a.jpg", photo(t, 80, 40, held))
		must(t, err)
		if bytes.Contains(c.c.content, []byte("SECRETPLACE")) || bytes.Contains(c.c.content, []byte("Exif")) {
			t.Error("the photo still tells where it was taken")
		}
		img, err := jpeg.Decode(bytes.NewReader(c.c.content))
		must(t, err)
		b := img.Bounds()
		if turned := held >= 5; turned != (b.Dx() == 40) {
			t.Errorf("held %d: %v", held, b)
		}
		x, y := 5+corner[0]*(b.Dx()-10), 5+corner[1]*(b.Dy()-10)
		if r, _, _, _ := img.At(x, y).RGBA(); r < 0xA000 {
			t.Errorf("held %d: the red corner is not at %d, %d", held, x, y)
		}
	}
	c, err := Check("a.jpg", photo(t, 6000, 3000, 1))
	must(t, err)
	if config, err := jpeg.DecodeConfig(bytes.NewReader(c.c.content)); err != nil || config.Width != longestSide {
		t.Errorf("kept at %d pixels, %v", config.Width, err)
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 10, 10))))
	if c, err := Check("a.png", append(b.Bytes(), "<script>HIDDEN</script>"...)); err != nil || bytes.Contains(c.c.content, []byte("HIDDEN")) {
		t.Errorf("what hides behind a picture is kept: %v", err)
	}
}

// TestCheck_memory: twenty of the worst pictures that are taken, at once, stay within 200 MiB.
func TestCheck_memory(t *testing.T) {
	worst := photo(t, 8000, 6000, 6)
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done, most := make(chan error), uint64(0)
	for range 2 {
		go func() { _, err := Check("a.jpg", worst); done <- err }()
	}
	for left := 2; left > 0; {
		select {
		case err := <-done:
			must(t, err)
			left--
		case <-time.After(5 * time.Millisecond):
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
		}
	}
	if grown := int64(most-before.HeapInuse) >> 20; grown > 200 {
		t.Errorf("memory grew by %d MiB", grown)
	} else {
		t.Logf("memory grew by %d MiB", grown)
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	store := Folder(filepath.Join(t.TempDir(), "files"))
	c, err := Check("note.txt", []byte("words"))
	must(t, err)
	var f File
	acme := portaltest.As(portaltest.Acme)
	must(t, p.Do(t.Context(), acme, func(tx *portal.Tx) (err error) { f, err = Add(t.Context(), tx, store, "claims/C1", c); return err }))
	take := func(by portal.Caller, document, id string) (string, error) {
		var text []byte
		err := p.Do(t.Context(), by, func(tx *portal.Tx) error {
			_, r, err := Take(t.Context(), tx, store, by.PartnerID, document, id)
			if err != nil {
				return err
			}
			defer r.Close()
			text, err = io.ReadAll(r)
			return err
		})
		return string(text), err
	}
	if text, err := take(acme, "claims/C1", f.ID.String()); err != nil || text != "words" {
		t.Errorf("%q, %v", text, err)
	}
	for what, err := range map[string]error{
		"another partner's":  second(take(portaltest.As(portaltest.Brock), "claims/C1", f.ID.String())),
		"another document's": second(take(acme, "claims/C2", f.ID.String())),
		"a path":             second(take(acme, "claims/C1", "../../x")),
	} {
		if portal.Says(err).Kind != portal.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	var audited int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM audit WHERE partner_id = 2 AND action IN ('files.add', 'files.take')`).Scan(&audited))
	if audited != 2 {
		t.Errorf("%d audit rows, want 2", audited)
	}
	for range MostPerDocument - 1 {
		must(t, p.Do(t.Context(), acme, func(tx *portal.Tx) error { _, err := Add(t.Context(), tx, store, "claims/C1", c); return err }))
	}
	if err := p.Do(t.Context(), acme, func(tx *portal.Tx) error { _, err := Add(t.Context(), tx, store, "claims/C1", c); return err }); portal.Says(err).Kind != portal.Conflict {
		t.Errorf("one too many: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
