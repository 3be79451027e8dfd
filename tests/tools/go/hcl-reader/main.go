// Reads a file in HCL's JSON syntax with HashiCorp's own parser, as bake does, and prints what it means.
//
// Usage: hcl-reader FILE. Variables have their defaults, or what the environment says.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

func main() {
	if err := read(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(path string) error {
	file, problems := json.ParseFile(path)
	if problems.HasErrors() {
		return problems
	}
	attributes, problems := file.Body.JustAttributes()
	if problems.HasErrors() {
		return problems
	}
	variables := map[string]cty.Value{}
	if declared, there := attributes["variable"]; there {
		value, problems := declared.Expr.Value(nil)
		if problems.HasErrors() {
			return problems
		}
		for name, variable := range value.AsValueMap() {
			variables[name] = variable.GetAttr("default")
			if given, set := os.LookupEnv(name); set {
				variables[name] = cty.StringVal(given)
			}
		}
	}
	result := map[string]cty.Value{}
	for name, attribute := range attributes {
		value, problems := attribute.Expr.Value(&hcl.EvalContext{Variables: variables})
		if problems.HasErrors() {
			return problems
		}
		result[name] = value
	}
	all := cty.ObjectVal(result)
	text, err := ctyjson.Marshal(all, all.Type())
	if err == nil {
		fmt.Println(string(text))
	}
	return err
}
