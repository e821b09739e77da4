package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	cr "github.com/chromedp/chromedp"

	"extranet/sandbox/core"
)

// TestBrowser_planning lets a forecast be published in the core, a supplier look at what changed, commit from a spreadsheet and from keys, and the host see the
// gap; then a notice of a change is looked at for what it touches, and objected to.
func TestBrowser_planning(t *testing.T) {
	r, b := start(t), browse(t)
	people := map[string]core.Person{}
	for _, p := range core.People() {
		people[strings.Fields(p.Name)[0]] = p
	}
	supplier := people["Sofia"].Memberships[0].Account
	// A plan is made anew: everything becomes a tenth more.
	var run int
	must(t, r.core.QueryRowContext(t.Context(), `INSERT INTO erp.plan_run (run_no, made_at) SELECT max(run_no) + 1, now() AT TIME ZONE 'UTC' FROM erp.plan_run RETURNING run_no`).Scan(&run))
	_, err := r.core.ExecContext(t.Context(), `INSERT INTO erp.plan_line (run_no, vend_no, item_no, wh_no, week_on, qty, price) SELECT run_no + 1, vend_no, item_no, wh_no, week_on, round(qty * 1.1) + 1, price FROM erp.plan_line WHERE run_no = $1`, run-1)
	must(t, err)
	b.signIn(r.base, people["Sofia"])
	version := fmt.Sprint(run)
	for end := time.Now().Add(45 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		b.do(cr.Navigate(r.base+"/forecasts"), cr.WaitVisible(cr.CSS(`#grid`)))
		if value, err := cr.Run(b.within, cr.Evaluate[string](`document.querySelector('#commits input[name=version]').value`)); err == nil && value == version {
			break
		}
		if time.Now().After(end) {
			b.give("the version %s is not shown", version)
		}
	}
	b.shot("forecasts")
	b.do(cr.Navigate(r.base+"/forecasts/exceptions?kind=changed"), cr.WaitVisible(cr.CSS(`#exceptions`)))
	b.shot("exceptions")
	// A block from a spreadsheet goes to the right and down; one key takes the forecast as it is; a row is copied as a spreadsheet takes it.
	b.do(cr.Navigate(r.base+"/forecasts"), cr.WaitVisible(cr.CSS(`#grid .grid-field`)))
	evaluate := func(js string) (s string) {
		t.Helper()
		s, err := cr.Run(b.within, cr.Evaluate[string](js))
		if err != nil {
			b.give("%s: %v", js, err)
		}
		return s
	}
	const rows = `const rows = [...document.querySelectorAll('#grid tr')].filter(r => r.querySelector('.grid-field')).map(r => [...r.querySelectorAll('.grid-field')]);`
	pasted := evaluate(`(() => { ` + rows + ` const d = new DataTransfer(); d.setData('text/plain', '1\t2\r\n3\t4\r\n'); rows[0][0].focus();
		rows[0][0].dispatchEvent(new ClipboardEvent('paste', {clipboardData: d, bubbles: true, cancelable: true})); return [rows[0][0].value, rows[0][1].value, rows[1][0].value, rows[1][1].value].join() })()`)
	if pasted != "1,2,3,4" {
		t.Errorf("pasted are %q", pasted)
	}
	asked := evaluate(`(() => { ` + rows + ` rows[1][2].id = 'third'; return rows[1][2].dataset.forecast })()`)
	b.do(cr.SendKeys(cr.CSS(`#third`), "a"))
	if got := evaluate(`(() => { ` + rows + ` return rows[1][2].value + ' ' + (document.activeElement === rows[1][3]) })()`); got != asked+" true" {
		t.Errorf("taken as it is: %q, want %q and the next field", got, asked)
	}
	if copied := evaluate(`(() => { ` + rows + ` const d = new DataTransfer(); rows[0][0].focus(); rows[0][0].setSelectionRange(0, 0); rows[0][0].dispatchEvent(new ClipboardEvent('copy', {clipboardData: d, bubbles: true, cancelable: true})); return d.getData('text/plain').split('\t').slice(0, 2).join() })()`); copied != "1,2" {
		t.Errorf("copied is %q", copied)
	}
	product := evaluate(`document.querySelector('#grid .grid-item a').textContent`)
	b.do(cr.Evaluate[cr.Void](`document.querySelector('#reason').value = 'capacity'`), cr.Evaluate[cr.Void](`document.querySelector('#commits').requestSubmit()`))
	b.waitFor("5 buckets committed")
	b.shot("committed")
	b.do(cr.Navigate(r.base+"/forecasts/exceptions?kind=short"), cr.WaitVisible(cr.CSS(`#exceptions`)))
	if text := b.text("#exceptions"); !strings.Contains(text, product) || !strings.Contains(text, "Capacity") {
		t.Errorf("the gap is no exception:\n%.500s", text)
	}
	b.do(cr.Click(cr.CSS(`#exceptions a[href^="/forecasts/item"]`)), cr.WaitVisible(cr.CSS(`.chart-band`)))
	b.shot("item")
	for _, width := range []int64{390, 320} {
		b.do(cr.EmulateViewport(width, 844, cr.EmulateMobile))
		for _, path := range []string{"/forecasts", "/forecasts/exceptions", "/forecasts/ledger", "/forecasts/paste", "/notices", "/new/given-notices"} {
			b.do(cr.Navigate(r.base+path), cr.WaitVisible(cr.CSS(`main h1`)))
			if wide, err := cr.Run(b.within, cr.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`)); err != nil || wide {
				t.Errorf("%s scrolls sideways at %d px: %v %v", path, width, wide, err)
			}
			b.shot(fmt.Sprintf("%s-%d", strings.ReplaceAll(path[1:], "/", "-"), width))
		}
	}
	b.do(cr.EmulateViewport(1280, 900))
	// A notice of the host's: what it touches, and why not.
	b.do(cr.Navigate(r.base+"/notices?state=open"), cr.WaitVisible(cr.CSS(`#notices`)))
	link := cr.CSS(`#notices a[href^="/notices/"]`)
	notice := strings.TrimSpace(b.text(link))
	b.do(cr.Click(link), cr.WaitVisible(cr.CSS(`#answer`)), cr.WaitVisible(cr.CSS(`#sums`)))
	b.shot("notice")
	b.do(cr.Evaluate[cr.Void](`document.querySelector('#verdict').value = 'objected'`), cr.SendKeys(cr.CSS(`#note`), "Wear in the wet gets worse; samples first"), cr.SendKeys(cr.CSS(`#samples`), "20"),
		cr.Evaluate[cr.Void](`document.querySelector('#answer').requestSubmit()`))
	b.waitFor("Wear in the wet")
	b.signOut()
	// The host sees the gap and the objection.
	b.signIn(r.base, people["Paula"])
	b.do(cr.Navigate(r.base+"/plans/"+supplier+"?kind=short"), cr.WaitVisible(cr.CSS(`#exceptions`)))
	if text := b.text("#exceptions"); !strings.Contains(text, product) || !strings.Contains(text, "Capacity") {
		t.Errorf("the host does not see the gap:\n%.500s", text)
	}
	b.shot("plan")
	b.do(cr.Click(cr.CSS(`#exceptions a[href*="/item"]`)), cr.WaitVisible(cr.CSS(`#buckets`)))
	b.shot("plan-item")
	b.do(cr.Navigate(r.base+"/partner-notices?state=objected&partner="+supplier), cr.WaitVisible(cr.CSS(`#notices`)))
	if text := b.text("#notices"); !strings.Contains(text, notice) {
		t.Errorf("the host does not see the objection to %s:\n%.500s", notice, text)
	}
	b.shot("partner-notices")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		if !strings.Contains(f, "422") { // which is how a cell that is not committed is answered
			t.Errorf("the browser complained: %s", f)
		}
	}
}
