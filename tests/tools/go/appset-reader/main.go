// Renders the template of an ApplicationSet for one file of its Git generator, as Argo CD does: the file is
// read as YAML, each text of the template and the templatePatch is a Go template with sprig's functions.
//
// Usage: appset-reader FILE < {"template": ..., "templatePatch": ...}. Prints {"template": ..., "patch": ...}.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	parameters := object{}
	if err := yaml.Unmarshal(text, &parameters); err != nil {
		return err
	}
	var set struct {
		Template      interface{} `json:"template"`
		TemplatePatch string      `json:"templatePatch"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&set); err != nil {
		return err
	}
	rendered, err := render(set.Template, parameters)
	if err != nil {
		return err
	}
	written, err := evaluate(set.TemplatePatch, parameters)
	if err != nil {
		return err
	}
	patch := object{}
	if err := json.Unmarshal([]byte(written), &patch); err != nil {
		return fmt.Errorf("the patch is no JSON: %w", err)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(object{"template": rendered, "patch": patch})
}

func render(value interface{}, parameters object) (interface{}, error) {
	switch typed := value.(type) {
	case string:
		return evaluate(typed, parameters)
	case object:
		result := object{}
		for key, item := range typed {
			rendered, err := render(item, parameters)
			if err != nil {
				return nil, err
			}
			result[key] = rendered
		}
		return result, nil
	case []interface{}:
		result := []interface{}{}
		for _, item := range typed {
			rendered, err := render(item, parameters)
			if err != nil {
				return nil, err
			}
			result = append(result, rendered)
		}
		return result, nil
	}
	return value, nil
}

func evaluate(text string, parameters object) (string, error) {
	functions := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	parsed, err := template.New("").Funcs(functions).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var output bytes.Buffer
	err = parsed.Execute(&output, parameters)
	return output.String(), err
}
