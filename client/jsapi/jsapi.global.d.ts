// Types for pages that load the plain script jsapi.global.js.
declare const JSAPI: (typeof import('./jsapi.js'))['JSAPI'];
