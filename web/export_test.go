package web

import "testing"

func TestInert(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Dana": "Dana", "PO-12": "PO-12", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM": "'@SUM", "\t=1": "'\t'=1", "\r": "'\r",
		"x;=1": "x;'=1", "x,@a": "x,'@a", `x"=1`: `x"'=1`, "a\n=1": "a\n'=1", "＝1": "'＝1", "info@acme.example": "info@acme.example", "==": "'==",
	} {
		if got := inert(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestLocalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/orders?q=1#x": "/orders?q=1#x", "": "/", "orders": "/", "//x": "/", "/\\x": "/", "https://x/": "/", "/\n/x": "/", "javascript:alert(1)": "/", "/%2f/x": "/%2f/x", "/a b": "/",
	} {
		if got := localPath(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
