package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	cr "github.com/chromedp/chromedp"

	"extranet/sandbox/core"
)

func personOf(t *testing.T, name string) core.Person {
	t.Helper()
	for _, p := range core.People() {
		if strings.HasPrefix(p.Name, name) {
			return p
		}
	}
	t.Fatalf("there is no %s", name)
	return core.Person{}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}

// both keeps what the tab shows at a desk and on a phone, and holds that the page does not scroll sideways there.
func (b *browserTab) both(name string) {
	b.Helper()
	b.shot(name)
	b.do(cr.EmulateViewport(390, 844, cr.EmulateMobile))
	if wide, err := cr.Run(b.within, cr.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`)); err != nil || wide {
		b.Errorf("%s scrolls sideways at 390 px: %v", name, err)
	}
	b.shot(name + "-phone")
	b.do(cr.EmulateViewport(1280, 900))
}

// press posts a form by its button, and waits for the page after it.
func (b *browserTab) press(button string) {
	b.Helper()
	before, _ := cr.Run(b.within, cr.Evaluate[float64](`performance.timeOrigin`))
	b.do(cr.Evaluate[cr.Void](fmt.Sprintf(`document.querySelector(%q).click()`, button)))
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if now, err := cr.Run(b.within, cr.Evaluate[float64](`document.readyState === "complete" ? performance.timeOrigin : 0`)); err == nil && now > before {
			return
		}
		if time.Now().After(end) {
			b.give("nothing follows the press of %s", button)
		}
	}
}

// fill gives a field a value as typing does.
func (b *browserTab) fill(field, value string) {
	b.Helper()
	b.do(cr.WaitReady(cr.CSS(field)), cr.Evaluate[cr.Void](fmt.Sprintf(`(() => { const f = document.querySelector(%q); f.value = %q; f.dispatchEvent(new Event("input", { bubbles: true })); f.dispatchEvent(new Event("change", { bubbles: true })) })()`, field, value)))
}

func (b *browserTab) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) > 0 {
		b.Errorf("the browser complained:\n%s", strings.Join(b.faults, "\n"))
	}
}

// TestBrowser_findsAndOrders: a dealer finds a tyre, orders it, and follows the order that the core has made of it.
func TestBrowser_findsAndOrders(t *testing.T) {
	r, b := start(t), browse(t)
	var size string
	must(t, r.core.QueryRow(`SELECT max(size_code) FROM erp.item WHERE item_group = 'TYRE' AND status = 10 AND item_no IN (SELECT item_no FROM erp.stock WHERE on_hand - reserved > 20)`).Scan(&size))
	b.signIn(r.base, personOf(t, "Dana"))
	b.do(cr.Navigate(r.base+"/catalog"), cr.WaitVisible(cr.CSS(`#results`)))
	b.both("catalog")
	b.do(cr.SendKeys(cr.CSS(`main input[name=q]`), regexp.MustCompile(`[^0-9]+`).ReplaceAllString(size, " ")+"\n"), cr.WaitVisible(cr.CSS(`#results tbody tr`)))
	b.waitFor(size)
	b.press(`#results tbody a[href^="/catalog/"]`)
	b.do(cr.WaitVisible(cr.CSS(`form[action="/cart/add"]`)))
	b.both("product")
	for _, words := range []string{"Your prices", "Stock by warehouse", "Documents", "as of"} {
		if body := b.text("main"); !strings.Contains(strings.ToLower(body), strings.ToLower(words)) {
			t.Errorf("the product's page does not say %q", words)
		}
	}
	b.fill(`form[action="/cart/add"] input[name=quantity]`, "4")
	b.press(`form[action="/cart/add"] button`)
	b.both("cart")
	b.fill(`input[name=po_number]`, "STORY-1")
	b.press(`#place`)
	b.waitFor("STORY-1")
	b.both("placed")
	b.waitFor("Taken by the host") // the core has given it a number
	b.do(cr.WaitVisible(cr.CSS(`.page-head a[href^="/orders/"]`)), cr.Click(cr.CSS(`.page-head .actions a[href^="/orders/"]`)))
	number := strings.TrimSpace(strings.TrimPrefix(b.text("main h1"), "Order "))
	var ordered int
	must(t, r.core.QueryRow(`SELECT count(*) FROM erp.so_header WHERE so_no::text = $1 AND cust_po = 'STORY-1'`, number).Scan(&ordered))
	if ordered != 1 {
		t.Errorf("the core has %d orders %q of STORY-1, want 1", ordered, number)
	}
	b.both("order-followed")
	// Less of it, typed while news of the page is under way: the host is asked, and answers.
	b.do(cr.Evaluate[cr.Void](`(() => {
		const real = fetch
		window.fetch = async (...a) => { const answer = await real(...a); window.asked = true; await new Promise((go) => setTimeout(go, 700)); window.answered = true; return answer }
		document.dispatchEvent(new Event("visibilitychange"))
	})()`), cr.Poll[cr.Void](`window.asked`))
	b.fill(`input[name="quantity-1"], input[name="quantity-10"]`, "2")
	b.do(cr.Poll[cr.Void](`window.answered`), cr.Sleep(100*time.Millisecond))
	b.press(`details.more form button`)
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		var left int
		must(t, r.core.QueryRow(`SELECT sum(qty_ordered - qty_cancelled)::int FROM erp.so_line WHERE so_no::text = $1`, number).Scan(&left))
		if left == 2 {
			break
		} else if time.Now().After(end) {
			b.give("the core still has %d of the line", left)
		}
	}
	b.do(cr.Navigate(r.base + "/orders/" + number))
	b.waitFor("2\u00a0")
	// The warehouse ships it: the open page tells in which packages, and under which number of the carrier's.
	must(t, core.Ship(t.Context(), r.core, time.Now(), int64(atoi(t, number))))
	var tracking, shipment string
	must(t, r.core.QueryRow(`SELECT p.tracking, p.dlv_no FROM erp.delivery_package p JOIN erp.delivery_line l USING (dlv_no) WHERE l.so_no::text = $1 ORDER BY p.pkg_no LIMIT 1`, number).Scan(&tracking, &shipment))
	b.waitLong("Shipment "+shipment, 2*patience)
	b.waitLong(tracking, 2*patience)
	b.waitFor("On its way")
	b.both("order-shipped")
	b.do(cr.Navigate(r.base+"/finance"), cr.WaitVisible(cr.CSS(`main h1`)))
	b.both("account")
	b.quiet()
}

// TestBrowser_claims: a damaged tyre, a photo, a claim, a question, an answer, a decision, and the credit in the account.
func TestBrowser_claims(t *testing.T) {
	r, b := start(t), browse(t)
	dana, claus := personOf(t, "Dana"), personOf(t, "Claus")
	b.signIn(r.base, dana)
	var order, line string
	must(t, r.core.QueryRow(`SELECT l.so_no, l.line_no FROM erp.so_line l JOIN erp.so_header h USING (so_no) JOIN erp.delivery_line d ON d.so_no = l.so_no AND d.so_line_no = l.line_no JOIN erp.delivery v USING (dlv_no)
		WHERE h.bill_to = $1 AND v.delivered_at > now() AT TIME ZONE 'UTC' - interval '6 days' ORDER BY l.price LIMIT 1`, dana.Memberships[0].Account).Scan(&order, &line))
	b.do(cr.Navigate(r.base+"/orders/"+order), cr.WaitVisible(cr.CSS(`main h1`)))
	b.press(fmt.Sprintf(`a[href*="order_line=%s"][href*="/new/claims"]`, line))
	b.do(cr.WaitVisible(cr.CSS(`input[name=kind][value=transit]`)), cr.Click(cr.CSS(`input[name=kind][value=transit]`)))
	b.both("claim-new")
	b.press(`form[action="/new/claims"] button`)
	b.waitFor("Not complete")
	b.fill(`[name="l1-quantity"]`, "1")
	b.fill(`[name="l1-condition"]`, "package")
	b.fill(`[name="l1-words"]`, "Die Seitenwand ist aufgeschnitten, 12 cm — обе шины")
	b.waitFor("0 of 1 photos") // kept by itself, and judged
	b.both("claim-draft")
	photo := filepath.Join(t.TempDir(), "IMG_0001.jpg")
	f, err := os.Create(photo)
	must(t, err)
	picture := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for i := range 320 * 240 {
		picture.Set(i%320, i/320, color.RGBA{uint8(i), uint8(i / 7), 90, 255})
	}
	must(t, jpeg.Encode(f, picture, nil))
	must(t, f.Close())
	b.do(cr.SetUploadFiles(cr.CSS(`#file`), []string{photo}))
	b.press(`form[data-upload] button`)
	b.waitFor("IMG_0001.jpg")
	b.waitFor("All that is needed is there")
	b.press(`#submit-claim`)
	b.waitFor("Submitted")
	number := strings.TrimSpace(strings.TrimPrefix(b.text("main h1"), "Claim "))
	b.signOut()

	b.signIn(r.base, claus)
	b.do(cr.Navigate(r.base+"/desk/claims"), cr.WaitVisible(cr.CSS(`#results tbody tr`)))
	b.both("desk")
	b.press(`#results tbody a[href$="` + number + `"]`)
	b.both("desk-claim")
	at := `form[action$="/lines/1/`
	b.fill(at+`ask"] textarea`, "Was the driver told?")
	b.press(at + `ask"] button`)
	b.waitFor("Answer needed")
	b.signOut()

	b.signIn(r.base, dana)
	b.do(cr.Navigate(r.base+"/claims"), cr.WaitVisible(cr.CSS(`#results tbody tr`)))
	b.both("claims")
	b.do(cr.Navigate(r.base + "/claims/" + number))
	b.waitFor("Was the driver told?")
	b.fill(at+`answer"] textarea`, "Yes, it is on the delivery note.")
	b.press(at + `answer"] button`)
	b.waitFor("In review")
	b.signOut()

	b.signIn(r.base, claus)
	b.do(cr.Navigate(r.base + "/desk/claims/" + dana.Memberships[0].Account + "/" + number))
	b.waitFor("Yes, it is on the delivery note.")
	b.press(at + `decide"] button`)
	b.waitFor("Approved")
	b.do(cr.Navigate(r.base+"/desk/rules"), cr.WaitVisible(cr.CSS(`main table`)))
	b.both("rules")
	b.signOut()

	b.signIn(r.base, dana)
	b.do(cr.Navigate(r.base + "/claims/" + number))
	b.waitFor("Credited by") // the core has made the memo, and the account has it
	b.both("claim-credited")
	b.press(`main a[href^="/finance/invoices/"]`)
	b.waitFor(number)
	b.both("credit-memo")
	memo := strings.TrimSpace(strings.TrimPrefix(b.text("main h1"), "Credit memo "))
	var open string
	must(t, r.core.QueryRow(`SELECT to_char(-sum(open), 'FM999,999,990.00') FROM erp.ar_doc WHERE bill_to = $1 AND kind = 'CM' AND open < 0 AND doc_no::text = $2`, dana.Memberships[0].Account, memo).Scan(&open))
	b.do(cr.Navigate(r.base + "/finance"))
	b.waitFor("Credit not used yet")
	b.waitFor(memo)
	b.waitFor(open)
	b.both("account-credited")
	b.quiet()
}

// TestBrowser_ordersFromAList: of 500 lines three are bad; each is named with its row, and given back as a file.
func TestBrowser_ordersFromAList(t *testing.T) {
	r, b := start(t), browse(t)
	rows, err := r.core.Query(`SELECT rtrim(item_no), coalesce(pack_qty, 1) FROM erp.item WHERE status = 10 ORDER BY item_no`)
	must(t, err)
	var items []string
	for rows.Next() {
		var no, pack string
		must(t, rows.Scan(&no, &pack))
		items = append(items, no+";"+pack)
	}
	must(t, rows.Err())
	list := strings.Builder{}
	list.WriteString("Number;Quantity\n")
	for i := range 500 {
		switch i {
		case 99:
			list.WriteString("NO-SUCH;4\n")
		case 249:
			list.WriteString(strings.Split(items[0], ";")[0] + ";a few\n")
		case 499:
			list.WriteString(";8\n")
		default:
			no, pack, _ := strings.Cut(items[i%len(items)], ";")
			fmt.Fprintf(&list, "%s;%s\n", no, strings.TrimSuffix(pack, ".000")+"0")
		}
	}
	b.signIn(r.base, personOf(t, "Dana"))
	b.do(cr.Navigate(r.base+"/cart/upload"), cr.WaitVisible(cr.CSS(`textarea[name=lines]`)))
	b.both("upload")
	b.fill(`textarea[name=lines]`, list.String())
	b.press(`form[action="/cart/upload"] button`)
	b.waitFor("What became of your list")
	b.both("uploaded")
	shown := b.text("main")
	for _, words := range []string{"101", "NO-SUCH", "251", "a few", "501", "Is missing"} {
		if !strings.Contains(shown, words) {
			t.Errorf("the page does not name %q", words)
		}
	}
	if n, err := cr.Run(b.within, cr.Evaluate[int](`document.querySelectorAll("#taken tbody tr .tone-bad").length`)); err != nil || n != 3 {
		t.Errorf("%d rows are refused, want 3: %v", n, err)
	}
	b.do(cr.Evaluate[cr.Void](`fetch(document.querySelector('a[href$="refused.csv"]').href).then((a) => a.text()).then((s) => { document.title = "got " + s.trim().split("\n").length + (s.includes("a few") ? " as written" : "") })`))
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if title, err := cr.Run(b.within, cr.Title()); err == nil && strings.HasPrefix(title, "got") {
			break
		}
	}
	if title, err := cr.Run(b.within, cr.Title()); err != nil || title != "got 4 as written" {
		t.Errorf("the file of the refused: %q, %v", title, err)
	}
	b.do(cr.Navigate(r.base+"/cart"), cr.WaitReady(cr.CSS(`#cart`)))
	b.both("cart-full")
	if n, err := cr.Run(b.within, cr.Evaluate[int](`document.querySelectorAll("#cart tbody tr").length`)); err != nil || n > 50 {
		t.Errorf("the cart shows %d lines on one page, want at most 50: %v", n, err)
	}
	// What is typed into a page of it is there after turning to the next one and back.
	b.fill(`#cart input[name^="quantity-"]`, "77")
	b.press(`#page-next`)
	b.waitFor("Your cart is up to date")
	b.press(`#page-first`)
	if n, err := cr.Run(b.within, cr.Evaluate[string](`document.querySelector('#cart input[name^="quantity-"]').value`)); err != nil || n != "77" {
		t.Errorf("after turning the page and back the first quantity is %q, want what was typed, 77: %v", n, err)
	}
	// The same as a file, over a line that is slow: how far it is is seen meanwhile.
	file := filepath.Join(t.TempDir(), "list.csv")
	must(t, os.WriteFile(file, []byte(strings.ReplaceAll(list.String(), "\n", ";"+strings.Repeat(" ", 1500)+"\n")), 0o600))
	b.do(cr.Navigate(slowly(t, r.base)+"/cart/upload"), cr.WaitVisible(cr.CSS(`textarea[name=lines]`)), cr.SetUploadFiles(cr.CSS(`input[name=file]`), []string{file}))
	b.do(cr.Evaluate[cr.Void](`(() => {
		const bar = document.querySelector(".upload-progress"), seen = new Set();
		setInterval(() => { if (!bar.hidden) seen.add(Math.round(bar.value)); sessionStorage.seen = [...seen].join(" ") }, 20);
		document.querySelector('form[action="/cart/upload"] button').click();
	})()`))
	b.waitFor("What became of your list")
	seen, err := cr.Run(b.within, cr.Evaluate[string](`sessionStorage.seen`))
	if far := strings.Fields(seen); err != nil || len(far) < 2 {
		t.Errorf("the bar stood at %q, want it to move: %v", seen, err)
	}
	b.quiet()
}

// slowly is the portal's address behind a line that takes 250 KB/s.
func slowly(t *testing.T, base string) string {
	t.Helper()
	narrow := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10) })
		return errors.Join(err, failed)
	}}
	listener, err := narrow.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				here.Close()
				return
			}
			go func() { defer here.Close(); io.Copy(here, there) }()
			go func() {
				defer there.Close()
				for piece := make([]byte, 5<<10); ; time.Sleep(20 * time.Millisecond) {
					n, err := here.Read(piece)
					if n > 0 {
						there.Write(piece[:n])
					}
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}
