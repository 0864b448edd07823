'use strict'
// The options of @supabase/postgrest-js: of the client, and of methods what the other tests do not use.

const { assert, client, column, counting, data, db, last, method, refused, sqlite, TICKETS, tickets } =
	require('./harness')

const animals = (from = db, ...options) => from.from('animal', ...options).select('id').order('id')
const ALL = [1, 2, 3, 4, 5]
const fresh = (names, sentence, body) => method(names, sentence, async () => {
	await tickets()
	await body()
})

// --- the client and from() ------------------------------------------------------------------------

method('client', 'sends its headers with every request', async () => {
	const strict = client({ headers: { Prefer: 'handling=strict, colour=red' } })
	await refused(animals(strict), 400, 'PGRST122')
	await refused(strict.from('ticket').delete().eq('id', 1), 400, 'PGRST122')
})

method('client', 'has a schema', async () => {
	assert.deepEqual(await column(animals(client({ schema: 'public' }))), ALL)
	await refused(animals(client({ schema: 'private' })), 406, 'PGRST106')
	await refused(client({ schema: 'private' }).from('ticket').insert({ id: 7 }), 406, 'PGRST106')
})

/** A fetch that answers 503 as often as it is told, before it goes on to the daemon. */
function busy(times, seen) {
	return (target, options) => {
		seen.push(options.headers['x-retry-count'] ?? options.headers['X-Retry-Count'])
		return times-- > 0 ? Promise.resolve(new Response('{"code":"MD503","message":"busy"}', {
			status: 503, headers: { 'Retry-After': '0' } })) : counting(target, options)
	}
}

method('client from', 'send a read again, and count how often in a header', async () => {
	const seen = []
	assert.deepEqual(await column(animals(client({ fetch: busy(2, seen) }))), ALL)
	assert.deepEqual(seen.map(Number), [NaN, 1, 2])
	await refused(animals(client({ fetch: busy(1, []), retry: false })), 503, 'MD503')
	await refused(animals(db, { fetch: busy(1, []), retry: false }), 503, 'MD503')
	assert.deepEqual(await column(animals(client({ retry: false }), { fetch: busy(1, []), retry: true })), ALL)
	await refused(client({ fetch: busy(1, []) }).from('ticket').delete().eq('id', 0), 503, 'MD503')
})

method('client', 'wraps fetch, and gives up after its timeout', async () => {
	const wrapped = []
	const wrapFetch = (fetch) => (target, options) => (wrapped.push(options.method), fetch(target, options))
	assert.deepEqual(await column(animals(client({ wrapFetch, timeout: 60_000 }))), ALL)
	assert.deepEqual(wrapped, ['GET'])
	const late = (fetch) => async (target, options) => {
		await new Promise((resolve) => setTimeout(resolve, 50))
		return fetch(target, options)
	}
	const answer = await animals(client({ wrapFetch: late, timeout: 5 }))
	assert.equal(answer.status, 0)
	assert.match(answer.error.message, /AbortError/)
})

method('client from', 'say that a long address may be too long, when it was given up', async () => {
	const ending = new AbortController()
	ending.abort()
	const hint = async (query) => (await query.abortSignal(ending.signal)).error.hint
	assert.match(await hint(animals(client({ urlLengthLimit: 10 }))), /characters/)
	assert.match(await hint(animals(db, { urlLengthLimit: 10 })), /characters/)
	assert.doesNotMatch(await hint(animals()), /characters/)
	// What it is about: an address longer than max_request_line.
	const many = Array.from({ length: 5000 }, (_, i) => i)
	assert.equal((await animals().in('id', many)).status, 414)
})

// --- reading ----------------------------------------------------------------------------------------

const of = async (query, name) => (await data(query))[0][name].map((row) => row.id)
const keeper = () => db.from('keeper').select('id,animal(id,weight)').eq('id', 2)

method('order', 'of an embedded table, by the old name of the option, nulls first or last', async () => {
	const tables = [{ referencedTable: 'animal' }, { foreignTable: 'animal' }]
	const all = () => db.from('visitor').select('id,animal(id,weight,visit())').eq('id', 1)
	for (const table of tables) {
		assert.deepEqual(await of(keeper().order('weight', { ascending: true, ...table }), 'animal'), [2, 3])
		assert.deepEqual(await of(keeper().order('weight', { ascending: false, ...table }), 'animal'), [3, 2])
		assert.deepEqual(await of(all().order('weight', { nullsFirst: true, ...table }), 'animal'), [2, 1])
	}
	const nulls = (nullsFirst) => db.from('animal').select('id').order('weight', { ascending: true, nullsFirst })
	assert.deepEqual(await column(nulls(true)), [5, 4, 2, 3, 1])
	assert.deepEqual(await column(nulls(false)), [4, 2, 3, 1, 5])
})

method('order limit', 'of a table that is embedded in an embedded one', async () => {
	const referencedTable = 'animal.visitor'
	const [ann] = await data(db.from('keeper').select('animal(visitor(id))').eq('id', 1)
		.order('id', { ascending: false, referencedTable }).limit(1, { referencedTable }))
	assert.deepEqual(ann.animal, [{ visitor: [{ id: 2 }] }])
})

method('limit range or', 'of an embedded table, by either name of the option', async () => {
	for (const table of [{ referencedTable: 'animal' }, { foreignTable: 'animal' }]) {
		const ordered = () => keeper().order('id', table)
		assert.deepEqual(await of(ordered().limit(1, table), 'animal'), [2])
		assert.deepEqual(await of(ordered().range(1, 3, table), 'animal'), [3])
		assert.deepEqual(await of(ordered().or('name.eq.Rex,kind.eq.lion', table), 'animal'), [3])
	}
})

method('textSearch', 'with every type, with a configuration and without', async () => {
	const cases = [[undefined, "'lions' & fed", [1]], ['plain', 'bird flies', [2]], ['phrase', 'a bird', [2]],
		['websearch', '"lions are" -bird', [1]]]
	for (const [type, words, ids] of cases)
		for (const config of ['english', 'simple', undefined]) {
			const query = db.from('show').select('id').textSearch('about', words, { type, config })
			if (sqlite)
				await refused(query, 400, 'PGRST127')
			else if (type !== 'phrase' || config === 'simple') // others leave out "a"
				assert.deepEqual(await column(query), ids, `${type} ${config}`)
		}
	if (!sqlite)
		await refused(db.from('show').select('id').textSearch('about', 'x', { config: 'klingon' }), 400, '42704')
})

method('explain', 'is refused clearly with every option', async () => {
	for (const option of ['analyze', 'verbose', 'settings', 'buffers', 'wal'])
		for (const format of ['text', 'json'])
			await refused(animals().explain({ [option]: true, format }), 406, 'PGRST107')
	await refused(db.from('ticket').delete().eq('id', 1).select().explain({ analyze: true }), 406, 'PGRST107')
	assert.equal((await column(db.from('ticket').select('id').limit(1))).length, 1, 'nothing was run')
})

method('rpc', 'says with every option that there are no functions', async () => {
	for (const count of ['exact', 'planned', 'estimated']) {
		await refused(db.rpc('feed', { id: 1, tags: ['a', 'b'] }, { get: true, count }), 404, 'PGRST125')
		assert.equal((await db.rpc('feed', { food: { a: 1 } }, { head: true, count })).data, null)
		assert.equal(last().method, 'POST')
	}
	await refused(db.rpc('feed').eq('id', 1).order('id').limit(1).single(), 404, 'PGRST125')
})

method('csv stripNulls', 'do not go together', async () => {
	assert.throws(() => animals().csv().stripNulls(), /cannot be used/)
	assert.match(await data(animals().csv()), /^id\r?\n1\r?\n/)
	assert.equal(await data(db.from('animal').select('id').eq('id', 99).csv()), '\n') // as PostgREST
})

method('match in contains', 'take values with every sign that means something elsewhere', async () => {
	const odd = '50% (a,b)_"c"'
	const found = (query) => column(query)
	assert.deepEqual(await found(animals().match({ name: odd })), [5])
	assert.deepEqual(await found(animals().in('name', [odd, 'Leo'].map((name) => name.replaceAll('"', '\\"')))), [1, 5])
	assert.deepEqual(await found(animals().contains('facts', { diet: { meat: true } })), [1])
	assert.deepEqual(await found(animals().contains('tags', ['a b', "'"])), [])
	await refused(animals().contains('tags', ['"']), 400, '22P02') // the client does not quote it
	for (const value of ['', ' ', '%', '*', '\\', ')', '(', '"', "'", 'é😀', 'null', '\u0001'])
		assert.deepEqual(await found(animals().match({ name: value })), [], JSON.stringify(value))
})

// --- writing ----------------------------------------------------------------------------------------

fresh('insert upsert update delete', 'count in every way', async () => {
	const table = () => db.from('ticket')
	for (const count of ['exact', 'planned', 'estimated']) {
		await tickets()
		const answers = [await table().insert([{ id: 4, seats: 1 }, { id: 5, seats: 1 }], { count }),
			await table().upsert([{ id: 5, seats: 2 }, { id: 6, seats: 2 }], { count }),
			await table().update({ note: 'x' }, { count }).gte('id', 4), await table().delete({ count }).gte('id', 4)]
		assert.deepEqual(answers.map(({ error }) => error), [null, null, null, null])
		if (count === 'exact')
			assert.deepEqual(answers.map((answer) => answer.count), [2, 2, 3, 3])
		assert.deepEqual(await data(table().select().order('id')), TICKETS, count)
	}
})

fresh('upsert', 'on a key of two columns, leaving duplicates alone or not', async () => {
	const row = { animal_id: 1, visitor_id: 1 }
	const onConflict = 'animal_id,visitor_id'
	const made = await data(db.from('visit').upsert([row], { onConflict, ignoreDuplicates: true }).select())
	assert.deepEqual(made, [])
	assert.deepEqual(await data(db.from('visit').upsert([row], { onConflict, ignoreDuplicates: false }).select()), [row])
	assert.equal((await data(db.from('visit').select())).length, 3)
})

fresh('upsert', 'of rows with different keys gives null or the default for what is missing', async () => {
	const rows = [{ code: 'a', note: 'x', seats: 1 }, { code: 'q', seats: 1, price: 3 }]
	const after = async (defaultToNull) => {
		await data(db.from('ticket').upsert(rows, { onConflict: 'code', defaultToNull }))
		return data(db.from('ticket').select('code,price,note').in('code', ['a', 'q']).order('code'))
	}
	assert.deepEqual(await after(false), [{ code: 'a', price: 5, note: 'x' }, { code: 'q', price: 3, note: null }])
	assert.deepEqual(await after(true), [{ code: 'a', price: null, note: 'x' }, { code: 'q', price: 3, note: null }])
})

fresh('insert update select', 'large integers, and answers in CSV', async () => {
	const made = await data(db.from('ticket').insert({ id: 4, price: 9007199254740993n }).select('id,price::text'))
	assert.deepEqual(made, [{ id: 4, price: '9007199254740993' }])
	assert.deepEqual((await data(db.from('ticket').update({ price: 12345678901234567n }).eq('id', 4)
		.select('id,price::text').csv())).trim().split(/\r?\n/), ['id,price', '4,12345678901234567'])
})

fresh('maybeSingle throwOnError', 'on writes', async () => {
	const row = await db.from('ticket').update({ seats: 3 }).eq('id', 1).select('id').maybeSingle().throwOnError()
	assert.deepEqual(row.data, { id: 1 })
	assert.equal((await db.from('ticket').delete().eq('id', 99).select().maybeSingle()).data, null)
	await assert.rejects(async () => db.from('ticket').insert({ id: 1 }).throwOnError(), { code: '23505' })
})
