'use strict'
// What react-admin sends through its data provider for PostgREST, @raphiniert/ra-data-postgrest:
// every method of a DataProvider.

const { assert, test, TICKETS, tickets, url } = require('./harness')
const provider = require('@raphiniert/ra-data-postgrest').default

const keys = new Map([['visit', ['animal_id', 'visitor_id']]])
const kept = [] // the calls of the provider, to find what has no test
const ra = new Proxy(provider({
	apiUrl: url, httpClient, defaultListOp: 'eq', primaryKeys: keys, schema: () => 'public',
}), { get: (target, name) => (kept.push(name), target[name]) })

/** As react-admin's fetchJson does: an error has status and body. */
async function httpClient(target, options = {}) {
	const answer = await fetch(target, options)
	const body = await answer.text()
	const json = body ? JSON.parse(body) : undefined
	if (!answer.ok)
		throw Object.assign(new Error(json?.message ?? answer.statusText), { status: answer.status, body: json })
	return { status: answer.status, headers: answer.headers, body, json }
}

const page = (number, perPage = 2) => ({ pagination: { page: number, perPage } })
const sort = (field, order = 'ASC') => ({ sort: { field, order } })
const ids = ({ data }) => data.map((row) => row.id)
const list = (filter = {}, more = {}) => ra.getList('animal', { ...page(1, 10), ...sort('id'), filter, ...more })

test('a list has a page of rows and the number of all', async () => {
	const answer = await ra.getList('animal', { ...page(2), ...sort('name', 'DESC'), filter: {} })
	assert.deepEqual(answer.data.map((row) => row.name), ['Leo', 'Kiwi'])
	assert.equal(answer.total, 5)
	assert.deepEqual([(await ra.getList('animal', { ...page(1, 9), filter: { id: 99 } })).total], [0])
})

test('a list is filtered by every kind of input', async () => {
	assert.deepEqual(ids(await list({ kind: 'cat' })), [2])
	assert.deepEqual(ids(await list({ 'weight@gte': 4.25, 'weight@lt': 100 })), [2, 3])
	assert.deepEqual(ids(await list({ 'name@ilike': 'i K' })), [4])
	assert.deepEqual(ids(await list({ 'id@in': '(1,3)' })), [1, 3])
	assert.deepEqual(ids(await list({ 'tame@is': 'null' })), [4])
	assert.deepEqual(ids(await list({ 'tame@not.is': 'null', 'kind@neq': 'dog' })), [1, 2, 5])
	assert.deepEqual(ids(await list({ '@or': { 'kind@eq': 'cat', 'weight@gt': 100 } })), [1, 2])
	assert.deepEqual(ids(await list({ 'facts->>legs': 3 })), [3])
	assert.deepEqual(ids(await list({ 'facts@cs': '{"legs":4}' })), [1, 2])
})

test('a list puts nulls where it is told to, and picks columns and embeds', async () => {
	const meta = (given) => list({}, { ...sort('weight'), meta: given })
	assert.deepEqual(ids(await meta({ nullsfirst: true })), [5, 4, 2, 3, 1])
	assert.deepEqual(ids(await meta({ nullslast: true })), [4, 2, 3, 1, 5])
	assert.deepEqual((await meta({ columns: ['id', 'name'] })).data[0], { id: 4, name: 'Kiwi' })
	const { data, meta: { prefetched } } = await list({ 'keeper_id@not.is': 'null' },
		{ meta: { prefetch: ['keeper'] } })
	assert.ok(!('keeper' in data[0]))
	assert.deepEqual(prefetched.keeper.map((row) => row.name).sort(), ['Ann', 'Bob', 'Cyd'])
	assert.equal((await meta({ embed: ['keeper'] })).data[1].keeper.name, 'Bob')
})

test('one row, by a key of one column and of two', async () => {
	assert.equal((await ra.getOne('animal', { id: 3 })).data.name, 'Rex')
	assert.deepEqual((await ra.getOne('visit', { id: '[1,2]' })).data,
		{ animal_id: 1, visitor_id: 2, id: '[1,2]' })
	await assert.rejects(ra.getOne('animal', { id: 99 }), (error) => {
		assert.deepEqual([error.status, error.body.code], [406, 'PGRST116'])
		return true
	})
})

test('many rows by their keys', async () => {
	assert.deepEqual(ids(await ra.getMany('animal', { ids: [1, 4] })).sort(), [1, 4])
	assert.deepEqual(ids(await ra.getMany('visit', { ids: ['[1,2]', '[2,1]'] })).sort(), ['[1,2]', '[2,1]'])
	assert.deepEqual(ids(await ra.getMany('animal', { ids: [] })), [])
})

test('the rows that refer to one', async () => {
	const answer = await ra.getManyReference('animal',
		{ target: 'keeper_id', id: 2, ...page(2, 1), ...sort('id'), filter: {} })
	assert.deepEqual([ids(answer), answer.total], [[3], 2])
})

test('a row is created, changed and deleted', async () => {
	await tickets()
	const { data: made } = await ra.create('ticket', { data: { code: 'n', seats: 2 } })
	assert.deepEqual([made.code, made.seats, typeof made.id], ['n', 2, 'number'])
	const { data: changed } = await ra.update('ticket',
		{ id: made.id, data: { ...made, note: 'x' }, previousData: made })
	assert.deepEqual(changed, { ...made, note: 'x' })
	assert.deepEqual((await ra.delete('ticket', { id: made.id, previousData: changed })).data, changed)
	await assert.rejects(ra.update('ticket', { id: made.id, data: { note: 'y' }, previousData: {} }),
		(error) => error.status === 406 && error.body.code === 'PGRST116')
})

test('many rows are changed and deleted', async () => {
	await tickets()
	assert.deepEqual((await ra.updateMany('ticket', { ids: [1, 2], data: { note: 'x' } })).data.sort(), [1, 2])
	const { data } = await ra.getList('ticket', { ...page(1, 9), ...sort('id'), filter: {} })
	assert.deepEqual(data.map((row) => row.note), ['x', 'x', TICKETS[2].note])
	assert.deepEqual((await ra.deleteMany('ticket', { ids: [1, 3] })).data.sort(), [1, 3])
	assert.equal((await ra.getList('ticket', { ...page(1, 9), filter: {} })).total, 1)
})

test('rows of a table with a key of two columns are created and deleted', async () => {
	const { data: made } = await ra.create('visit', { data: { animal_id: 5, visitor_id: 1 } })
	assert.equal(made.id, '[5,1]')
	await ra.delete('visit', { id: made.id, previousData: made })
	assert.deepEqual(ids(await ra.getManyReference('visit',
		{ target: 'animal_id', id: 5, ...page(1), ...sort('visitor_id'), filter: {} })), [])
})

test('a constraint that is in the way comes back as an error with its text', async () => {
	await tickets()
	await assert.rejects(ra.create('ticket', { data: { code: 'a' } }), (error) => {
		assert.deepEqual([error.status, error.body.code], [409, '23505'])
		return true
	})
})

test('every method of the data provider has a test', () => {
	assert.deepEqual(Object.keys(provider({})).filter((name) => !kept.includes(name)), [])
})
