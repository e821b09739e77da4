package jobs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"extranet/jobs"
)

var publish = flag.Bool("publish", false, "write docs/mapping.schema.json and the tables of docs/mapping.md")

// TestReference holds what is published of the mapping to what the parser takes.
func TestReference(t *testing.T) {
	t.Parallel()
	schema, doc := filepath.Join("..", "docs", "mapping.schema.json"), filepath.Join("..", "docs", "mapping.md")
	text, err := os.ReadFile(doc)
	must(t, err)
	fresh := string(text)
	for name, table := range jobs.Reference() {
		place := regexp.MustCompile(`(?s)<!-- ` + name + ` -->\n.*?<!-- end -->`)
		if !place.MatchString(fresh) {
			t.Errorf("docs/mapping.md has no place for the table %s", name)
		}
		fresh = place.ReplaceAllLiteralString(fresh, "<!-- "+name+" -->\n"+table+"<!-- end -->")
	}
	if *publish {
		must(t, os.WriteFile(schema, jobs.Schema(), 0o644))
		must(t, os.WriteFile(doc, []byte(fresh), 0o644))
		return
	}
	published, err := os.ReadFile(schema)
	must(t, err)
	if !bytes.Equal(published, jobs.Schema()) || fresh != string(text) {
		t.Error("docs/mapping.schema.json or docs/mapping.md is not fresh: go test -tags sandbox ./jobs -run TestReference -publish")
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	var document any
	must(t, json.Unmarshal(jobs.Schema(), &document))
	c := jsonschema.NewCompiler()
	must(t, c.AddResource("mapping.schema.json", document))
	schema, err := c.Compile("mapping.schema.json")
	must(t, err)
	valid := func(text string) error {
		t.Helper()
		b, err := yaml.YAMLToJSON([]byte(text))
		must(t, err)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		must(t, err)
		return schema.Validate(v)
	}
	for _, file := range []string{"../examples/wide-world-importers.yaml", "../sandbox/core/mapping.yaml"} {
		text, err := os.ReadFile(file)
		must(t, err)
		if err := valid(string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !strings.HasPrefix(string(text), "# yaml-language-server: $schema=") {
			t.Errorf("%s does not say where its schema is", file)
		}
	}
	good := strings.Replace(worksMapping, "WAY", "way: watermark\n    watermark: changedAt", 1)
	if err := valid(good); err != nil {
		t.Error(err)
	}
	for _, fault := range [][2]string{
		{"driver: mysql", "driver: foxpro"}, {"url: ", "addres: "}, {"url: ${EXTRANET_CORE_URL}", "trim: true"}, {"partners:", "partner:"}, {"watermark: changedAt", "every: 1m"},
		{"way: watermark", "way: guess"}, {"10: open", "10: opne"}, {"{net: 2, total: 2}", "{status: 2}"}, {"{net: 2, total: 2}", "{net: 12}"}, {"{net: 0, total: 0}", "{number: 1}"},
		{"where: draft = 0", "every: soon"}, {"empty_as_null: true", "empty_as_null: maybe"}, {"entities:", "entity:"},
	} {
		faulty := strings.Replace(good, fault[0], fault[1], 1)
		if faulty == good {
			t.Errorf("the mapping has no %s", fault[0])
		}
		if err := valid(faulty); err == nil {
			t.Errorf("%s is valid", fault[1])
		}
		m, err := jobs.ParseMapping("m.yaml", []byte(faulty), core{url: "root@unix(/tmp/none)/x"}.env)
		if err == nil {
			m.Close()
			t.Errorf("%s is taken", fault[1])
		}
	}
}
