// Says what Argo CD's schemas hold against the resources on standard input (a JSON array), as a JSON array.
//
// The generated validators check types and read every field that they know; a field that none of them reads
// is one that Argo CD does not know, so the resources are handed over in proxies that keep count.
import { readFileSync } from "node:fs";
import * as models from "@kubernetes-models/argo-cd/argoproj.io/v1alpha1";

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

const found = [];
for (const [place, resource] of JSON.parse(readFileSync(0, "utf8")).entries()) {
  const Model = models[resource.kind];
  if (Model === undefined || Model.apiVersion !== resource.apiVersion) {
    found.push(`${place}: ${resource.apiVersion} ${resource.kind} is not Argo CD's`);
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
for (const path of unread.keys()) found.push(`${path} is no field of Argo CD's`);
console.log(JSON.stringify(found));
