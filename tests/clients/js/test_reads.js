'use strict'
// Reading with @supabase/postgrest-js.

const { assert, column, data, db, last, method, refused, sqlite } = require('./harness')

const animals = () => db.from('animal').select('id,name').order('id')

method('from select', 'all columns when none is named', async () => {
	const rows = await data(db.from('keeper').select().order('id'))
	assert.deepEqual(rows[1], { id: 2, name: 'Bob', boss_id: 1 })
	assert.equal(rows.length, 3)
})

method('from', 'says which relation does not exist', async () => {
	const error = await refused(db.from('animals').select(), 404, 'PGRST205')
	assert.match(error.message, /public\.animals/)
	assert.match(error.hint, /public\.animal/)
})

method('select', 'aliases, casts and paths into JSON, with white space between', async () => {
	const rows = await data(db.from('animal').select(
		`called : name, weight::text, legs:facts->legs, facts->diet->>meat`).eq('id', 1))
	assert.deepEqual(rows, [{ called: 'Leo', weight: '190.5', legs: 4, meat: 'true' }])
})

method('select', 'embeds what belongs to a row, in every direction', async () => {
	const [ann, bob] = await data(db.from('keeper').select(
		'name,animal(name,visitor(name)),boss:boss_id(name),team:keeper(name)').order('id').limit(2))
	assert.equal(ann.boss, null)
	assert.deepEqual(ann.team, [{ name: 'Bob' }, { name: 'Cyd' }])
	assert.deepEqual(ann.animal, [{ name: 'Leo', visitor: [{ name: 'Vic' }, { name: 'Wes' }] }])
	assert.deepEqual(bob.boss, { name: 'Ann' })
	assert.deepEqual(bob.animal.map((one) => one.name).sort(), ['Mia', 'Rex'])
	const rows = await data(db.from('animal').select('name,keeper(name)').order('id'))
	assert.deepEqual(rows[0], { name: 'Leo', keeper: { name: 'Ann' } })
	assert.deepEqual(rows[3], { name: 'Kiwi', keeper: null })
})

method('select', 'inner embeds leave out rows, filters of embeds do not', async () => {
	const inner = db.from('animal').select('id,keeper!inner(name)').eq('keeper.name', 'Bob')
	assert.deepEqual(await column(inner.order('id')), [2, 3])
	const outer = db.from('animal').select('id,keeper(name)').eq('keeper.name', 'Bob').order('id')
	assert.deepEqual((await data(outer)).map((row) => row.keeper?.name),
		[undefined, 'Bob', 'Bob', undefined, undefined])
	assert.deepEqual(await column(
		db.from('animal').select('id,keeper()').is('keeper', null)), [4])
})

method('select', 'spreads a to-one embed into the row', async () => {
	const rows = await data(db.from('animal').select('name,...keeper(by:name)').order('id').limit(2))
	assert.deepEqual(rows, [{ name: 'Leo', by: 'Ann' }, { name: 'Mia', by: 'Bob' }])
})

method('select', 'spreads a to-many embed into lists', async () => {
	const rows = await data(db.from('keeper').select('name,...animal(animals:name)').order('id')
		.order('id', { referencedTable: 'animal' }))
	assert.deepEqual(rows[1], { name: 'Bob', animals: ['Mia', 'Rex'] })
	assert.deepEqual(rows.map((row) => row.animals.length), [1, 2, 1])
})

method('select', 'aggregates, in groups and in embeds', async () => {
	assert.deepEqual(await data(db.from('animal').select('count(),weight.max(),low:weight.min()')),
		[{ count: 5, max: 190.5, low: 0.5 }])
	assert.deepEqual(await data(db.from('animal').select('tame,count()').order('tame')),
		[{ tame: false, count: 2 }, { tame: true, count: 2 }, { tame: null, count: 1 }])
	const rows = await data(db.from('keeper').select('name,animal(count(),id.sum())').order('id'))
	assert.deepEqual(rows[1], { name: 'Bob', animal: [{ count: 2, sum: 5 }] })
	const [{ avg }] = await data(db.from('animal').select('id.avg()'))
	assert.equal(Number(avg), 3)
})

method('select', 'without a relationship between the two says so', async () => {
	await refused(db.from('animal').select('id,ticket(id)'), 400, 'PGRST200')
})

method('select', 'counts with the rows, or alone when head is asked for', async () => {
	for (const count of ['exact', 'planned', 'estimated']) {
		const whole = await db.from('animal').select('id', { count }).order('id')
		assert.equal(whole.data.length, 5)
		assert.equal(typeof whole.count, 'number')
		const part = await db.from('animal').select('id', { count: 'exact' }).order('id').limit(2)
		assert.deepEqual([part.count, part.data.length, part.status], [5, 2, 206])
		const head = await db.from('animal').select('*', { count, head: true })
		assert.deepEqual([last().method, head.data, head.error], ['HEAD', null, null])
		if (count === 'exact' || sqlite)
			assert.deepEqual([whole.count, head.count], [5, 5])
	}
})

method('select', 'a failing head has a status and no body', async () => {
	const answer = await db.from('nothing').select('*', { head: true })
	assert.deepEqual([last().method, answer.data], ['HEAD', null])
})

// --- filters ------------------------------------------------------------------------------------

const filters = {
	eq: [[['name', 'Leo'], [1]], [['facts->>legs', '4'], [1, 2]],
		[['name', '50% (a,b)_"c"'], [5]]],
	neq: [[['kind', 'lion'], [2, 3, 4, 5]]],
	gt: [[['weight', 4.25], [1, 3]], [['born', '2019-07-12'], [4]]],
	gte: [[['weight', 4.25], [1, 2, 3]]],
	lt: [[['weight', 4.25], [4]]],
	lte: [[['weight', 4.25], [2, 4]]],
	like: [[['name', '%i%'], [2, 4]], [['name', 'K___'], [4]], [['name', '50\\%%'], [5]]],
	likeAllOf: [[['name', ['%i%', 'M%']], [2]]],
	likeAnyOf: [[['name', ['L%', 'R%']], [1, 3]]],
	ilike: [[['name', 'l%'], [1]]],
	ilikeAllOf: [[['name', ['%I%', 'm%']], [2]]],
	ilikeAnyOf: [[['name', ['l%', 'r%']], [1, 3]]],
	regexMatch: [[['name', '^[LR]e'], [1, 3]]],
	regexIMatch: [[['name', '^[lr]E'], [1, 3]]],
	is: [[['tame', null], [4]], [['tame', true], [2, 3]], [['tame', false], [1, 5]]],
	isDistinct: [[['tame', true], [1, 4, 5]], [['keeper_id', 2], [1, 4, 5]]],
	in: [[['id', [1, 3, 3]], [1, 3]], [['name', ['Leo', 'x,y', '(z)']], [1]], [['id', []], []]],
	notIn: [[['id', [1, 3]], [2, 4, 5]]],
	contains: [[['facts', { legs: 4 }], [1, 2]], [['facts', '{"names":["Mi"]}'], [2]]],
	containedBy: [[['facts', { legs: 3, more: 1 }], [3]]],
	match: [[[{ kind: 'cat', tame: true, name: undefined }], [2]]],
	not: [[['tame', 'is', null], [1, 2, 3, 5]], [['id', 'in', '(1,2)'], [3, 4, 5]],
		[['name', 'like', 'L%'], [2, 3, 4, 5]]],
	or: [[['id.eq.1,and(tame.is.true,kind.eq.dog)'], [1, 3]], [['name.in.("Leo","x,y")'], [1]]],
	filter: [[['weight', 'gte', 32], [1, 3]], [['kind', 'not.in', '(cat,dog)'], [1, 4, 5]]],
}
for (const [name, cases] of Object.entries(filters)) {
	method(name, 'finds the rows that it should', async () => {
		for (const [given, ids] of cases)
			assert.deepEqual(await column(animals()[name](...given)), ids, JSON.stringify(given))
	})
}

method('or', 'on an embedded table', async () => {
	const rows = await data(db.from('keeper').select('id,animal(id)').order('id')
		.order('id', { referencedTable: 'animal' })
		.or('kind.eq.cat,kind.eq.lion', { referencedTable: 'animal' }))
	assert.deepEqual(rows.map((row) => row.animal.map((one) => one.id)), [[1], [2], []])
})

method('eq', 'of a value that the column cannot hold', async () => {
	const error = await refused(animals().eq('id', 'one'), 400, '22P02')
	assert.match(error.message, /^invalid input syntax for type (big)?int(eger)?: "one"$/)
})

method('eq', 'of a column that is not there', async () => {
	await refused(animals().eq('colour', 'red'), 400, '42703')
})

// SQLite has neither ranges nor text search: it says so, and never answers wrongly.
const only = async (query, ids) => sqlite
	? void await refused(query, 400, 'PGRST127') : assert.deepEqual(await column(query), ids)

method('contains containedBy overlaps', 'on lists', async () => {
	assert.deepEqual(await column(animals().contains('tags', ['cat'])), [1, 2])
	assert.deepEqual(await column(animals().containedBy('tags', ['small', 'cat', 'red'])), [2, 3])
	assert.deepEqual(await column(animals().overlaps('tags', ['big', 'red'])), [1])
	assert.deepEqual(await column(animals().not('tags', 'ov', '{big,red}')), [2, 3])
})

const shows = () => db.from('show').select('id').order('id')
const ranges = {
	rangeGt: ['[10,12)', [2, 3]],
	rangeGte: ['[12,14)', [2, 3]],
	rangeLt: ['[20,22)', [1, 2]],
	rangeLte: ['[12,14)', [1, 2]],
	rangeAdjacent: ['[14,20)', [2, 3]],
}
for (const [name, [range, ids]] of Object.entries(ranges)) {
	method(name, 'on a range', () => only(shows()[name]('hours', range), ids))
}

method('contains containedBy overlaps', 'on ranges', async () => {
	const cases = { contains: ['[11,12)', [1]], containedBy: ['[9,15)', [1, 2]], overlaps: ['[11,13)', [1, 2]] }
	for (const [name, [range, ids]] of Object.entries(cases)) {
		const query = shows()[name]('hours', range)
		if (sqlite) // where these are about JSON
			await refused(query, 400, '22P02')
		else
			assert.deepEqual(await column(query), ids)
	}
})

method('textSearch', 'in every form', async () => {
	await only(shows().textSearch('about', 'lion:* & fed', { config: 'english' }), [1])
	await only(shows().textSearch('about', 'bird fly', { type: 'plain', config: 'english' }), [2])
	await only(shows().textSearch('about', 'lions are', { type: 'phrase', config: 'simple' }), [1])
	await only(shows().textSearch('about', 'bird or fed', { type: 'websearch' }), [1, 2])
})

// --- modifiers ------------------------------------------------------------------------------------

method('order', 'in both directions, nulls first or last, by several columns', async () => {
	const by = (...given) => column(
		db.from('animal').select('id,keeper()').order(...given).order('id'))
	assert.deepEqual(await by('weight'), [4, 2, 3, 1, 5])
	assert.deepEqual(await by('weight', { ascending: false }), [5, 1, 3, 2, 4])
	assert.deepEqual(await by('born', { nullsFirst: true }), [3, 5, 1, 2, 4])
	assert.deepEqual(await by('born', { ascending: false, nullsFirst: false }), [4, 2, 1, 3, 5])
	assert.deepEqual(await by('keeper(name)', { ascending: false }), [4, 5, 2, 3, 1])
})

method('order limit range', 'of an embedded table', async () => {
	const keepers = db.from('keeper').select('id,animal(id)').eq('id', 2)
	const referencedTable = 'animal'
	const ids = async (query) => (await data(query))[0].animal.map((row) => row.id)
	const order = () => db.from('keeper').select('id,animal(id)').eq('id', 2)
		.order('id', { ascending: false, referencedTable })
	assert.deepEqual(await ids(keepers.order('name', { foreignTable: 'animal' })), [2, 3])
	assert.deepEqual(await ids(order()), [3, 2])
	assert.deepEqual(await ids(order().limit(1, { referencedTable })), [3])
	assert.deepEqual(await ids(order().range(1, 1, { referencedTable })), [2])
})

method('limit range', 'of the rows', async () => {
	assert.deepEqual(await column(animals().limit(2)), [1, 2])
	assert.deepEqual(await column(animals().range(1, 2)), [2, 3])
	assert.deepEqual(await column(animals().range(10, 12)), [])
	await refused(db.from('animal').select('id', { count: 'exact' }).range(10, 12), 416, 'PGRST103')
})

method('single', 'wants exactly one row', async () => {
	assert.deepEqual(await data(animals().eq('id', 2).single()), { id: 2, name: 'Mia' })
	const error = await refused(animals().single(), 406, 'PGRST116')
	assert.match(error.details, /5 rows/)
	await refused(animals().eq('id', 99).single(), 406, 'PGRST116')
})

method('maybeSingle', 'wants at most one', async () => {
	assert.deepEqual(await data(animals().eq('id', 2).maybeSingle()), { id: 2, name: 'Mia' })
	assert.equal(await data(animals().eq('id', 99).maybeSingle()), null)
	await refused(animals().maybeSingle(), 406, 'PGRST116')
})

method('stripNulls', 'of lists and of one row', async () => {
	const bare = { id: 4, name: 'Kiwi' }
	const kiwi = () => db.from('animal').select('id,name,facts,tame').eq('id', 4)
	assert.deepEqual(await data(kiwi().stripNulls()), [bare])
	assert.deepEqual(await data(kiwi().single().stripNulls()), bare)
	assert.deepEqual(await data(kiwi()), [{ ...bare, facts: null, tame: null }])
})

method('csv', 'of rows', async () => {
	const text = await data(db.from('animal').select('id,name,weight,tame').in('id', [1, 4, 5])
		.order('id').csv())
	assert.deepEqual(text.trim().split(/\r?\n/), ['id,name,weight,tame', '1,Leo,190.5,f',
		'4,Kiwi,0.5,', '5,"50% (a,b)_""c""",,f'])
})

method('geojson explain', 'are refused clearly', async () => {
	await refused(animals().geojson(), 406, 'PGRST107')
	for (const format of ['text', 'json'])
		await refused(animals().explain({ format, analyze: true, verbose: true }), 406, 'PGRST107')
})

method('returns overrideTypes', 'change nothing that is sent', async () => {
	assert.equal((await data(animals().returns().overrideTypes())).length, 5)
	assert.equal((await data(animals().eq('id', 1).single().returns())).id, 1)
})

method('abortSignal', 'ends a request', async () => {
	const ending = new AbortController()
	assert.equal((await data(animals().abortSignal(ending.signal))).length, 5)
	ending.abort()
	const { error, status } = await animals().abortSignal(ending.signal)
	assert.equal(status, 0)
	assert.match(error.message, /AbortError/)
	assert.equal((await data(animals())).length, 5)
})

method('throwOnError toJSON', 'throws the error of the answer', async () => {
	const { library } = require('./harness')
	await assert.rejects(async () => animals().eq('id', 'one').throwOnError(), (error) => {
		assert.ok(error instanceof library.PostgrestError)
		assert.deepEqual([error.code, JSON.parse(JSON.stringify(error)).code], ['22P02', '22P02'])
		return true
	})
	assert.equal((await animals().throwOnError()).data.length, 5)
})

method('setHeader', 'reaches the daemon', async () => {
	await refused(animals().setHeader('Accept', 'image/png'), 406, 'PGRST107')
	await refused(animals().setHeader('Prefer', 'handling=strict, colour=red'), 400, 'PGRST122')
})

method('retry', 'leaves an answer alone', async () => {
	assert.equal((await data(animals().retry(false))).length, 5)
	await refused(animals().eq('id', 'one').retry(true), 400, '22P02')
})

method('schema', 'is the one that is served, or refused', async () => {
	assert.equal((await data(db.schema('public').from('animal').select())).length, 5)
	const error = await refused(db.schema('private').from('animal').select(), 406, 'PGRST106')
	assert.match(`${error.message} ${error.hint}`, /private.*public/)
})

method('getOpenApiSpec', 'tells what is served', async () => {
	const { data: document, error, success } = await db.getOpenApiSpec()
	assert.deepEqual([success, error, document.swagger], [true, null, '2.0'])
	assert.ok('/animal' in document.paths && 'animal' in document.definitions)
})

method('rpc', 'says that there are no functions', async () => {
	for (const options of [{}, { get: true }, { count: 'exact' }]) {
		const error = await refused(db.rpc('feed', { id: 1 }, options), 404, 'PGRST125')
		assert.match(error.message, /path/i)
	}
	assert.equal((await db.rpc('feed', {}, { head: true })).data, null)
})
