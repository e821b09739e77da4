package host

import (
	"context"
	"fmt"
	"math"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"extranet/portal"
	"extranet/portal/files"
)

// Branding is how the portal looks, and whom partners can reach.
type Branding struct {
	Name      string    `db:"name"`          // of the portal's host on every page; "" = as the portal is set up
	Colour    string    `db:"colour"`        // of buttons and links, like #0b62c4; "" = the portal's own
	Contact   string    `db:"contact_name"`  // who helps, in the footer of every page
	Email     string    `db:"contact_email"` // "" = not said
	Phone     string    `db:"contact_phone"` // "" = not said
	LogoSum   string    `db:"logo_sum"`      // tells one logo from every other; "" = none
	ChangedBy string    `db:"changed_by"`
	ChangedAt time.Time `db:"changed_at"`
}

// A Logo is a picture that may be shown in place: it was made anew from what was uploaded.
type Logo struct {
	Type    string `db:"logo_type"` // image/png or image/jpeg
	Content []byte `db:"logo"`
}

func readBranding(ctx context.Context, tx *portal.Tx) (b Branding, err error) {
	var found []Branding
	if err := tx.Select(ctx, &found, `SELECT name, colour, contact_name, contact_email, contact_phone, coalesce(logo_sum, '') AS logo_sum, changed_by, changed_at FROM branding`); err != nil {
		return b, fmt.Errorf("reading how the portal looks: %w", err)
	}
	if len(found) > 0 {
		b = found[0]
	}
	return b, nil
}

// BrandingNow returns how the portal looks as the transaction sees it.
func BrandingNow(ctx context.Context, tx *portal.Tx) (Branding, error) {
	if err := needNews(tx); err != nil {
		return Branding{}, err
	}
	return readBranding(ctx, tx)
}

// Logo returns the host's logo; nothing in it = there is none.
func (b *Board) Logo(ctx context.Context) (Logo, error) {
	return onBoard(ctx, b, "logo", func(tx *portal.Tx) (l Logo, err error) {
		var found []Logo
		if err := tx.Select(ctx, &found, `SELECT logo_type, logo FROM branding WHERE logo IS NOT NULL`); err != nil {
			return l, fmt.Errorf("reading the logo: %w", err)
		}
		if len(found) > 0 {
			l = found[0]
		}
		return l, nil
	})
}

var hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// Readable is how much text must stand out from its ground: WCAG 2.2, AA.
const Readable = 4.5

// The grounds that links stand on, the worst of each scheme; buttons have white text.
const (
	lightGround = "#f0f2f5"
	darkGround  = "#282f3a"
)

// SetBranding says how the portal looks to everybody, from their next page on. The host's staff do this; it needs NewsManage. A colour in which text
// cannot be read is Invalid, and says which would do.
func SetBranding(ctx context.Context, tx *portal.Tx, b Branding) error {
	if err := needNews(tx); err != nil {
		return err
	}
	bad := map[string]string{}
	b.Colour = strings.ToLower(strings.TrimSpace(b.Colour))
	for field, text := range map[string]*string{"name": &b.Name, "contact": &b.Contact, "email": &b.Email, "phone": &b.Phone} {
		*text = strings.TrimSpace(*text)
		if len([]rune(*text)) > 100 || strings.ContainsFunc(*text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			bad[field] = "write at most 100 characters, in one line"
		}
	}
	if b.Email != "" {
		if a, err := mail.ParseAddress(b.Email); err != nil || a.Address != b.Email {
			bad["email"] = "write it like help@company.example"
		}
	}
	if b.Colour != "" {
		if !hexColour.MatchString(b.Colour) {
			bad["colour"] = "write it like #0b62c4"
		} else if c := min(Contrast(b.Colour, "#ffffff"), Contrast(b.Colour, lightGround)); c < Readable {
			bad["colour"] = fmt.Sprintf("text in it cannot be read well: its contrast is %.1f to 1 and must be %.1f; %s would do", c, Readable, toward(b.Colour, 0, "#ffffff", lightGround))
		}
	}
	if len(bad) > 0 {
		return &portal.Error{Kind: portal.Invalid, Msg: "the portal cannot look like this", Fields: bad}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO branding (one, name, colour, contact_name, contact_email, contact_phone, changed_by, changed_at) VALUES (true, $1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (one) DO UPDATE SET name = $1, colour = $2, contact_name = $3, contact_email = $4, contact_phone = $5, changed_by = $6, changed_at = $7`,
		b.Name, b.Colour, b.Contact, b.Email, b.Phone, tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("setting how the portal looks: %w", err)
	}
	tx.Changed(noun, tx.By.PartnerID)
	return tx.Audit(ctx, "branding.set", "branding", map[string]string{"name": b.Name, "colour": b.Colour, "contact": b.Contact, "email": b.Email, "phone": b.Phone})
}

// maxLogo is how many bytes a logo may have once it was made anew.
const maxLogo = 512 << 10

// MaySetLogo returns Forbidden unless the caller may set the logo.
func MaySetLogo(c portal.Caller) error { return mayNews(c) }

// SetLogo shows the picture beside the name, from everybody's next page on; nil takes it away. It needs NewsManage. What is no picture, or too large a
// one, is Invalid.
func SetLogo(ctx context.Context, tx *portal.Tx, f *files.Checked) error {
	if err := needNews(tx); err != nil {
		return err
	}
	var kind, sum, content any
	detail := map[string]string{"logo": "none"}
	if f != nil {
		picture, body := f.Picture()
		if picture == "" {
			return &portal.Error{Kind: portal.Invalid, Msg: "this cannot be a logo", Fields: map[string]string{"file": "choose a picture, PNG or JPEG"}}
		}
		if len(body) > maxLogo {
			return &portal.Error{Kind: portal.Invalid, Msg: "this cannot be a logo", Fields: map[string]string{"file": "it is larger than 512 KB; make it smaller, 200 pixels high are enough"}}
		}
		kind, sum, content = picture, f.Sum()[:16], body
		detail["logo"] = f.Sum()[:16]
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO branding (one, name, colour, contact_name, contact_email, contact_phone, logo_type, logo, logo_sum, changed_by, changed_at) VALUES (true, '', '', '', '', '', $1, $2, $3, $4, $5)
		ON CONFLICT (one) DO UPDATE SET logo_type = $1, logo = $2, logo_sum = $3, changed_by = $4, changed_at = $5`, kind, content, sum, tx.By.Actor(), tx.Now)
	if err != nil {
		return fmt.Errorf("setting the logo: %w", err)
	}
	tx.Changed(noun, tx.By.PartnerID)
	return tx.Audit(ctx, "branding.logo", "branding", detail)
}

// OnDark is the colour as links have it where the ground is dark: lighter, until it can be read.
func (b Branding) OnDark() string {
	if b.Colour == "" {
		return ""
	}
	return toward(b.Colour, 255, darkGround)
}

// Pressed is the colour as buttons have it under the pointer.
func (b Branding) Pressed() string {
	if b.Colour == "" {
		return ""
	}
	return mixed(b.Colour, 0, .2)
}

// toward mixes the colour with black (0) or white (255) until text can be read on, or in front of, all grounds.
func toward(colour string, end float64, grounds ...string) string {
	for share := 0.0; share < 1; share += .02 {
		c, fine := mixed(colour, end, share), true
		for _, g := range grounds {
			fine = fine && Contrast(c, g) >= Readable
		}
		if fine {
			return c
		}
	}
	return mixed(colour, end, 1)
}

func mixed(colour string, end, share float64) string {
	var b strings.Builder
	b.WriteByte('#')
	for _, v := range channels(colour) {
		fmt.Fprintf(&b, "%02x", int(math.Round(v+(end-v)*share)))
	}
	return b.String()
}

func channels(colour string) (c [3]float64) {
	for i := range c {
		v, _ := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		c[i] = float64(v)
	}
	return c
}

// Contrast is how far two colours like #0b62c4 stand apart, 1 to 21, as WCAG 2.2 defines it.
func Contrast(a, b string) float64 {
	light := func(colour string) float64 {
		sum := 0.0
		for i, v := range channels(colour) {
			v /= 255
			if v <= .04045 {
				v /= 12.92
			} else {
				v = math.Pow((v+.055)/1.055, 2.4)
			}
			sum += v * [3]float64{.2126, .7152, .0722}[i]
		}
		return sum
	}
	x, y := light(a), light(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}
