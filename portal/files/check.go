package files

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"path"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
	"golang.org/x/image/draw"

	"extranet/portal"
)

// What is taken: a kind, by what a file holds, with the ending its name gets.
var endings = map[string]string{
	"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf", "text/plain": ".txt", "text/csv": ".csv",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}

// Taken says what is taken, for people; Accept says it for a browser's file field.
const (
	Taken  = "photos (JPEG, PNG), PDF, XLSX, CSV and text, up to 10 MB each"
	Accept = "image/jpeg,image/png,application/pdf,.xlsx,.csv,.txt"
)

// Limits of one file. Pictures are refused by what they say of their size before they are unpacked; one that comes in passes, a
// progressive JPEG, takes many times the memory of a plain one.
const (
	MaxBytes       = 10 << 20
	maxPixels      = 50_000_000
	maxProgressive = 8_000_000
	maxPNG         = 16_000_000
	longestSide    = 2560 // pixels of a picture that is kept
	maxUnzipped    = 64 << 20
)

// A checked file may be kept: its content is safe to give away as an attachment, and holds nothing but what it shows.
type checked struct {
	name, kind string
	content    []byte
}

// decoding keeps memory bounded: one picture at a time is unpacked in this process.
var decoding sync.Mutex

func refuse(format string, a ...any) error {
	return &portal.Error{Kind: portal.Invalid, Msg: "this file is not taken", Fields: map[string]string{"file": fmt.Sprintf(format, a...)}}
}

// check judges a file by its content alone, and returns it as it may be kept. What is not taken is Invalid and says why.
func check(name string, content []byte) (c checked, err error) {
	if len(content) == 0 {
		return c, refuse("there is nothing in it")
	}
	if len(content) > MaxBytes {
		return c, refuse("it is larger than 10 MB; make it smaller, or send it in parts")
	}
	c.kind, _, _ = strings.Cut(mimetype.Detect(content).String(), ";")
	c.content = content
	switch c.kind {
	case "image/jpeg", "image/png":
		c.kind, c.content, err = picture(content)
	case "application/pdf":
		err = checkPDF(content)
	case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		err = checkXLSX(content)
	case "text/plain", "text/csv":
		err = checkText(content)
	default:
		err = refuse("it is %s; taken are %s", plainKind(c.kind), Taken)
	}
	if err != nil {
		return c, err
	}
	c.name = cleanName(name, endings[c.kind])
	return c, nil
}

func plainKind(kind string) string {
	if strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "video/") || strings.HasPrefix(kind, "audio/") {
		return kind
	}
	return "of a kind that the portal does not take (" + kind + ")"
}

// picture returns the picture anew, upright and no larger than it need be: what a camera wrote beside it, like the place, is gone,
// and so is whatever hid in the file.
func picture(content []byte) (kind string, clean []byte, err error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return "", nil, refuse("it is a damaged picture")
	}
	pixels, most := int64(config.Width)*int64(config.Height), int64(maxPixels)
	switch {
	case format == "png":
		most = maxPNG
	case progressive(content):
		most = maxProgressive
	}
	if config.Width <= 0 || config.Height <= 0 || pixels > most || config.Width > 20_000 || config.Height > 20_000 {
		return "", nil, refuse("it has %d × %d pixels; make it smaller, %d million are taken", config.Width, config.Height, most/1_000_000)
	}
	decoding.Lock()
	defer decoding.Unlock()
	from, format, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return "", nil, refuse("it is a damaged picture")
	}
	b := from.Bounds()
	w, h := b.Dx(), b.Dy()
	if side := max(w, h); side > longestSide {
		w, h = max(1, w*longestSide/side), max(1, h*longestSide/side)
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	if w == b.Dx() && h == b.Dy() {
		draw.Draw(to, to.Bounds(), from, b.Min, draw.Src)
	} else {
		draw.ApproxBiLinear.Scale(to, to.Bounds(), from, b, draw.Src, nil)
	}
	var out bytes.Buffer
	if format == "png" {
		err = png.Encode(&out, to)
		return "image/png", out.Bytes(), err
	}
	err = jpeg.Encode(&out, upright(to, orientation(content)), &jpeg.Options{Quality: 88})
	return "image/jpeg", out.Bytes(), err
}

// segments calls f with each marker of a JPEG and what follows it, until f returns false or the picture begins.
func segments(content []byte, f func(marker byte, body []byte) bool) {
	for i := 2; i+4 <= len(content) && content[i] == 0xFF; {
		marker := content[i+1]
		if marker == 0xFF { // filling
			i++
			continue
		}
		n := int(content[i+2])<<8 | int(content[i+3])
		if n < 2 || i+2+n > len(content) || marker == 0xDA || !f(marker, content[i+4:i+2+n]) {
			return
		}
		i += 2 + n
	}
}

func progressive(content []byte) (yes bool) {
	segments(content, func(marker byte, _ []byte) bool {
		yes = yes || marker == 0xC2
		return !yes
	})
	return yes
}

// orientation is how a camera was held, 1 to 8 as Exif has it; 1 where it does not say.
func orientation(content []byte) (how int) {
	how = 1
	segments(content, func(marker byte, body []byte) bool {
		if marker != 0xE1 || !bytes.HasPrefix(body, []byte("Exif\x00\x00")) || len(body) < 14 {
			return true
		}
		tiff := body[6:]
		at := func(i, n int) (v int) {
			if i < 0 || i+n > len(tiff) {
				return 0
			}
			for k := range n {
				if tiff[0] == 'I' {
					v |= int(tiff[i+k]) << (8 * k)
				} else {
					v = v<<8 | int(tiff[i+k])
				}
			}
			return v
		}
		first := at(4, 4)
		for k := range min(at(first, 2), 200) {
			if entry := first + 2 + 12*k; at(entry, 2) == 0x0112 {
				if v := at(entry+8, 2); v >= 1 && v <= 8 {
					how = v
				}
			}
		}
		return false
	})
	return how
}

// upright turns a picture as the camera was held.
func upright(from *image.RGBA, how int) *image.RGBA {
	if how == 1 {
		return from
	}
	w, h := from.Rect.Dx(), from.Rect.Dy()
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	if how >= 5 {
		to = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch how {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			copy(to.Pix[to.PixOffset(tx, ty):][:4], from.Pix[from.PixOffset(x, y):][:4])
		}
	}
	return to
}

// checkPDF wants a PDF that is one from its first byte to its last, and that says itself that it does nothing.
func checkPDF(content []byte) error {
	if !bytes.HasPrefix(content, []byte("%PDF-")) || !bytes.Contains(content[max(0, len(content)-2048):], []byte("%%EOF")) {
		return refuse("it is a damaged PDF, or something else in a PDF's clothes")
	}
	for _, does := range []string{"/JavaScript", "/JS", "/Launch", "/EmbeddedFile", "/RichMedia", "/XFA"} {
		if i := bytes.Index(content, []byte(does)); i >= 0 && (i+len(does) == len(content) || !isLetter(content[i+len(does)])) {
			return refuse("it is a PDF that holds programs or other files; print it to a plain PDF and send that")
		}
	}
	return nil
}

func isLetter(b byte) bool { return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' }

// checkXLSX reads the directory and unpacks nothing.
func checkXLSX(content []byte) error {
	if !bytes.HasPrefix(content, []byte("PK\x03\x04")) {
		return refuse("it is a damaged XLSX file")
	}
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return refuse("it is a damaged XLSX file")
	}
	var total uint64
	for _, f := range z.File {
		if total += f.UncompressedSize64; total > maxUnzipped || len(z.File) > 5000 {
			return refuse("it is far larger inside than it looks")
		}
		name := strings.ToLower(f.Name)
		if strings.Contains(name, "vbaproject") || strings.Contains(name, "/embeddings/") || strings.Contains(name, "/activex/") || strings.Contains(name, "externallinks") {
			return refuse("it holds programs or other files; save it as a plain .xlsx and send that")
		}
	}
	return nil
}

// checkText wants text that no program takes for something else.
func checkText(content []byte) error {
	text := bytes.TrimPrefix(content, []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' && r != '\f' }) {
		return refuse("it is not plain text in UTF-8")
	}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")) {
		return refuse("it is marked up like a page of the web; send it as plain text or PDF")
	}
	return nil
}

// cleanName keeps what every system takes in a file's name, and has it end as its content is.
func cleanName(name, ending string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.TrimSuffix(name, path.Ext(name))
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), strings.ContainsRune("-_()+", r):
			return r
		case r == ' ' || r == '.':
			return '-'
		}
		return -1
	}, name)
	if runes := []rune(strings.Trim(name, "-")); len(runes) > 80 {
		name = string(runes[:80])
	} else {
		name = string(runes)
	}
	if name == "" {
		name = "file"
	}
	return name + ending
}
