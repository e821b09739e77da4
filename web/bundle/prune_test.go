package main

import "testing"

func TestPrune(t *testing.T) {
	words := map[string]bool{}
	addWords(words, `<div class="card btn-sm"> // a comment on navbar`)
	addWords(words, `<html data-theme={ "dark" }>`)
	addWords(words, "tone: `ok`, href(\"d-md:flex\")")
	for css, want := range map[string]string{
		`.card{color:red}.modal{color:red}`:                                                     `.card{color:red}`,
		`.card,.modal .x,.card:hover>.btn-sm{color:red}`:                                        `.card,.card:hover>.btn-sm{color:red}`,
		`.navbar{color:red}`:                                                                    ``,
		`p,a:hover,[hidden]{color:red}`:                                                         `p,a:hover,[hidden]{color:red}`,
		`.card:not(.modal){color:red}`:                                                          `.card:not(.modal){color:red}`,
		`:is(.modal,.x) .gone{color:red}`:                                                       ``,
		`@media (min-width:9px){.modal{color:red}}`:                                             ``,
		`@media print{.card{color:red}.modal{color:red}}`:                                       `@media print{.card{color:red}}`,
		`@layer a;@layer a{.modal{color:red}}`:                                                  `@layer a;@layer a{}`,
		`[data-theme=dark] .card{color:red}`:                                                    `[data-theme=dark] .card{color:red}`,
		`[data-theme=pink]{color:red}[data-x]{color:red}`:                                       ``,
		`.card{--a:1;--b:var(--c);--c:2;width:var(--b)}`:                                        `.card{--b:var(--c);--c:2;width:var(--b)}`,
		`:root{--a:var(--b);--b:1}`:                                                             ``,
		`@keyframes spin{to{rotate:1turn}}@keyframes x{to{rotate:1turn}}.ok{animation:spin 1s}`: `@keyframes spin{to{rotate:1turn}}.ok{animation:spin 1s}`,
		`.card{background:url("data:image/svg+xml,{;}.modal")}`:                                 `.card{background:url("data:image/svg+xml,{;}.modal")}`,
		`.btn-sm{width:1.5em}a[href=".modal"]{color:red}`:                                       `.btn-sm{width:1.5em}a[href=".modal"]{color:red}`,
	} {
		got, err := prune(css, words)
		if err != nil || got != want {
			t.Errorf("%s\n got %s (%v)\nwant %s", css, got, err, want)
		}
	}
	for _, css := range []string{`.card{color:red`, `.card{color:red}}`, `.card`, `@media print{.card{color:red}`} {
		if got, err := prune(css, words); err == nil {
			t.Errorf("%s: taken as %s", css, got)
		}
	}
}
