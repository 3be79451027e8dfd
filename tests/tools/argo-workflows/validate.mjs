// Says what Argo's schemas hold against the resources on standard input (a JSON array), as a JSON array.
//
// The generated validators check types and read every field that they know; a field that none of them reads
// is one that Argo does not know, so the resources are handed over in proxies that keep count.
import { readFileSync } from "node:fs";
import * as models from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1";

const unread = new Map();

function watched(value, path) {
  if (value === null || typeof value !== "object") return value;
  const copy = Array.isArray(value) ? [] : {};
  for (const key of Object.keys(value)) {
    copy[key] = watched(value[key], `${path}/${key}`);
    if (!Array.isArray(value)) unread.set(`${path}/${key}`, true);
  }
  return new Proxy(copy, {
    get(target, key, receiver) {
      unread.delete(`${path}/${String(key)}`);
      return Reflect.get(target, key, receiver);
    },
  });
}

// Two places where the validators follow Argo's Go types and its JSON is another: a group of steps is a list
// and no object, and a text of a type of its own is read by nobody.
function asInGo(resource) {
  for (const template of resource.spec?.templates ?? []) {
    if (template.steps !== undefined) template.steps = template.steps.map((steps) => ({ steps }));
  }
  for (const parameter of resource.spec?.arguments?.parameters ?? []) {
    if (typeof parameter.description === "string") delete parameter.description;
  }
  return resource;
}

const found = [];
for (const [place, resource] of JSON.parse(readFileSync(0, "utf8")).map(asInGo).entries()) {
  const Model = models[resource.kind];
  if (Model === undefined || Model.apiVersion !== resource.apiVersion) {
    found.push(`${place}: ${resource.apiVersion} ${resource.kind} is not Argo's`);
    continue;
  }
  const model = new Model(resource);
  for (const key of Object.keys(resource)) model[key] = watched(resource[key], `${place}/${key}`);
  try {
    model.validate();
  } catch (error) {
    found.push(`${place}: ${error.message}`);
  }
}
for (const path of unread.keys()) found.push(`${path} is no field of Argo's`);
console.log(JSON.stringify(found));
