'use strict'
// What the tests of the JavaScript clients share: the daemon's address, method(), which also keeps
// account of what was called with which options, and the rows of ticket. URL, ENGINE and NODE_PATH
// come from run.py.

const assert = require('node:assert/strict')
const { test } = require('node:test')
const library = require('@supabase/postgrest-js')

const url = process.env.MODELD_URL
const sqlite = process.env.MODELD_ENGINE === 'sqlite'
// Methods of the client's own, which it does not document; `then` is what await calls.
const internal = new Set([
	'PostgrestBuilder.then',
	'PostgrestBuilder.processResponse',
	'PostgrestClient.decorateFetch',
	'PostgrestQueryBuilder.cloneRequestState',
	'PostgrestBuilder.returns', // hidden by PostgrestTransformBuilder's in every query
])
const everything = new Set() // Class.method of all exported classes
const covered = new Set() // those that a test of that name called, and sent a request
let called = new Set() // in the test that runs; with an option: Class.method(option)
let requests = []
// Options that are one of a few words: each is one to be tried.
const words = {
	count: ['exact', 'planned', 'estimated'], format: ['text', 'json'], type: ['plain', 'phrase', 'websearch'],
}

/** The options that a function takes, by its text: those that it takes apart and those it looks at. */
function optionsOf(original) {
	const text = original.toString().replaceAll('{}', '')
	const apart = text.match(/\{ ([^{}]*) \} = (?:options|\))/)?.[1].split(',') ?? []
	const seen = [...text.matchAll(/\boptions\.(\w+)/g)].map((match) => match[1])
	return [...new Set([...apart.map((one) => one.split(/[=:]/)[0].trim()), ...seen])]
}

const known = (name, options) => options.flatMap((option) =>
	(words[option] ?? [undefined]).map((word) => `${name}(${option}${word ? `=${word}` : ''})`))

/** Keep account of the options in what a function was given. */
function note(name, options, given) {
	for (const one of given.filter((value) => value && Object.getPrototypeOf(value) === Object.prototype))
		for (const [option, word] of Object.entries(one).filter(([key]) => options.includes(key)))
			called.add(`${name}(${option}${words[option] ? `=${word}` : ''})`)
}

for (const [name, constructor] of Object.entries(library)) {
	const prototype = typeof constructor === 'function' ? constructor.prototype : undefined
	for (const key of Object.getOwnPropertyNames(prototype ?? {})) {
		const original = prototype[key]
		if (key === 'constructor' || typeof original !== 'function')
			continue
		const options = optionsOf(original)
		everything.add(`${name}.${key}`)
		known(`${name}.${key}`, options).forEach((one) => everything.add(one))
		prototype[key] = function (...given) {
			called.add(`${name}.${key}`)
			note(`${name}.${key}`, options, given)
			return original.apply(this, given)
		}
	}
}

function counting(target, options) {
	requests.push({ url: String(target), ...options })
	return fetch(target, options)
}

const clientOptions = optionsOf(library.PostgrestClient.toString().match(/constructor\(.*\) {/)[0])
known('PostgrestClient.client', clientOptions).forEach((one) => everything.add(one))
assert.ok(['headers', 'schema', 'fetch', 'retry'].every((one) => clientOptions.includes(one)), clientOptions)

/** A client with options of its own. */
function client(options) {
	called.add('PostgrestClient.client')
	note('PostgrestClient.client', clientOptions, [options])
	return new library.PostgrestClient(url, { fetch: counting, ...options })
}

const db = new library.PostgrestClient(url, { fetch: counting })

/** A test of the client's methods `names`, all of which it must use in a request. */
function method(names, sentence, body) {
	test(`${names}: ${sentence}`, async () => {
		called = new Set()
		requests = []
		await body()
		assert.ok(requests.length > 0, 'no request was made')
		for (const name of names.split(' ')) {
			const found = [...called].filter((one) => one.replace(/\(.*/, '').endsWith(`.${name}`))
			assert.notEqual(found.length, 0, `${name} was not called`)
			found.forEach((one) => covered.add(one))
		}
	})
}

/** The last of all tests: is there a method without a test? */
function nothingForgotten() {
	test('every method of the client has a test, and every option', () => {
		for (const one of ['PostgrestQueryBuilder.upsert(onConflict)', 'PostgrestQueryBuilder.select(head)',
			'PostgrestClient.from(retry)', 'PostgrestClient.rpc(get)'])
			assert.ok(everything.has(one), `options are not found any more: ${one}`)
		const forgotten = [...everything].filter((one) => !covered.has(one) && !internal.has(one))
		assert.deepEqual(forgotten, [])
		assert.deepEqual([...internal].filter((one) => !everything.has(one)), [], 'not there any more')
	})
}

/** The data of an answer that must be a success; `query` is a builder. */
async function data(query) {
	const answer = await query
	assert.equal(answer.error, null)
	return answer.data
}

/** One column of the rows of an answer that must be a success. */
async function column(query, name = 'id') {
	return (await data(query)).map((row) => row[name])
}

/** The error of an answer that must fail like this. */
async function refused(query, status, code) {
	const { data: rows, error, status: got } = await query
	assert.deepEqual([got, error?.code, rows], [status, code, null], JSON.stringify(error))
	assert.ok(error.message.length > 0)
	return error
}

const TICKETS = [
	{ id: 1, code: 'a', price: 10, seats: 2, note: 'window' },
	{ id: 2, code: 'b', price: 20.5, seats: 1, note: null },
	{ id: 3, code: 'c', price: null, seats: 4, note: null },
]

/** Fill the table that is written to. */
async function tickets() {
	const headers = { 'Content-Type': 'application/json' }
	let answer = await fetch(`${url}/ticket?id=not.is.null`, { method: 'DELETE' })
	assert.equal(answer.status, 204)
	answer = await fetch(`${url}/ticket`, { method: 'POST', headers, body: JSON.stringify(TICKETS) })
	assert.equal(answer.status, 201)
}

module.exports = {
	assert, client, column, counting, data, db, library, method, nothingForgotten,
	last: () => requests[requests.length - 1], refused, sqlite, test, TICKETS, tickets, url,
}
