package main

import (
	"bytes"
	"image"
	"image/png"
	"maps"

	"extranet/portal"
)

const (
	toAll      = "35000000-0000-4000-8000-000000000001"
	toWithdraw = "35000000-0000-4000-8000-000000000003"
)

// tinyPicture is a PNG, and pictureForm a form that brings it.
var (
	tinyPicture = func() string {
		var b bytes.Buffer
		_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))) // into memory
		return b.String()
	}()
	pictureForm = "--x\r\nContent-Disposition: form-data; name=\"once\"\r\n\r\nONCE\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"logo.png\"\r\n\r\n" + tinyPicture + "\r\n--x--\r\n"
)

func init() {
	// These terms lie in the future and hold nobody; TestTerms has some that do.
	seeds = append(seeds, `
		INSERT INTO announcements (announcement_id, kind, title, words, side, from_at, to_at, made_by, made_at) VALUES
			('`+toAll+`', 'news', 'Spring opening', 'For everybody.', NULL, '2026-01-01Z', '2027-01-01Z', 'x', now()), ('`+toWithdraw+`', 'news', 'Of no use', 'Withdrawn again and again.', NULL, '2026-01-01Z', '2027-01-01Z', 'x', now());
		INSERT INTO terms (version, title, words, in_force_at, published_by, published_at) VALUES (900, 'Terms of use', 'Be fair.', '2027-01-01Z', 'x', now());`)
	const stands = `UPDATE announcements SET withdrawn_at = NULL`
	host := func(p probe) probe { p.host, p.need, p.before = true, portal.NewsManage, stands; return p }
	maps.Copy(probes, map[string]probe{
		"GET /announcements":           {any: true, says: "Spring opening"},
		"POST /announcements/:id/read": {any: true, path: "/announcements/" + toAll + "/read"},
		"GET /announced":               host(probe{says: "Spring opening"}),
		"POST /announced":              host(probe{form: "kind=news&title=Another&words=Words&to=2026-12-01T10:00"}),
		"GET /announced/new":           host(probe{says: "Shown until"}),
		"GET /announced/:id":           host(probe{path: "/announced/" + toAll, missing: "/announced/" + neverWas, says: "Spring opening"}),
		"POST /announced/:id/withdraw": host(probe{path: "/announced/" + toWithdraw + "/withdraw", missing: "/announced/" + neverWas + "/withdraw"}),

		"GET /terms":                                       {any: true, says: "Terms of use"},
		"POST /terms/:version/accept":                      {any: true, path: "/terms/900/accept"},
		"GET /published-terms":                             host(probe{says: "Terms of use"}),
		"POST /published-terms":                            host(probe{form: "title=More terms&words=Be kind&side=supplier&in_force=2026-12-01T10:00"}),
		"GET /published-terms/new":                         host(probe{says: "In force from"}),
		"GET /published-terms/:version":                    host(probe{path: "/published-terms/900", missing: "/published-terms/901", says: "Be fair"}),
		"GET /branding":                                    host(probe{says: "Colour of buttons"}),
		"POST /branding":                                   host(probe{form: "name=Hosting+Tyres&colour=%230b62c4"}),
		"POST /branding/files":                             host(probe{form: pictureForm}),
		"GET /brand/sheet.css":                             {public: true},
		"GET /brand/logo":                                  {public: true},
		"GET /api/v1/announcements":                        {any: true, says: "Spring opening"},
		"GET /api/v1/announced":                            host(probe{says: "Spring opening"}),
		"POST /api/v1/announced":                           host(probe{form: `{"kind":"news","title":"Another","words":"Words","to":"2026-12-01T10:00:00Z"}`, says: "Another"}),
		"GET /api/v1/announced/:id/readers":                host(probe{path: "/api/v1/announced/" + toAll + "/readers", missing: "/api/v1/announced/" + neverWas + "/readers", says: "items"}),
		"POST /api/v1/announced/:id/withdraw":              host(probe{path: "/api/v1/announced/" + toWithdraw + "/withdraw", missing: "/api/v1/announced/" + neverWas + "/withdraw", says: "withdrawn_at"}),
		"POST /api/v1/announcements/:id/read":              {any: true, person: true, path: "/api/v1/announcements/" + toAll + "/read", says: "Spring"},
		"POST /api/v1/terms/:version/accept":               {any: true, person: true, path: "/api/v1/terms/900/accept", says: "900"},
		"GET /api/v1/terms":                                {any: true, says: "Terms of use"},
		"GET /api/v1/published-terms":                      host(probe{says: "Terms of use"}),
		"POST /api/v1/published-terms":                     host(probe{form: `{"title":"More terms","words":"Be kind","side":"supplier","in_force_at":"2026-12-01T10:00:00Z"}`, says: "More terms"}),
		"GET /api/v1/published-terms/:version/acceptances": host(probe{path: "/api/v1/published-terms/900/acceptances", missing: "/api/v1/published-terms/901/acceptances", says: "items"}),
		"GET /api/v1/branding":                             {any: true, says: "logo"},
		"POST /api/v1/branding":                            host(probe{form: `{"name":"Hosting Tyres","colour":"#0b62c4"}`, says: "#0b62c4"}),
		"POST /api/v1/branding/files":                      host(probe{path: "/api/v1/branding/files?name=logo.png", form: tinyPicture, says: "/brand/logo?"}),
	})
}
