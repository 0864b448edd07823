'use strict'
// Writing with @supabase/postgrest-js.

const { assert, column, data, db, method, refused, TICKETS, tickets } = require('./harness')

const all = () => data(db.from('ticket').select().order('id'))
const fresh = (names, sentence, body) => method(names, sentence, async () => {
	await tickets()
	await body()
})

fresh('insert', 'one row, which comes back when it is asked for', async () => {
	const row = { id: 4, code: 'd', price: 7.5, seats: 3, note: 'täglich "x"' }
	const silent = await db.from('ticket').insert({ id: 9, code: 'z' })
	assert.deepEqual([silent.status, silent.data, silent.error], [201, null, null])
	assert.deepEqual(await data(db.from('ticket').insert(row).select()), [row])
	assert.deepEqual(await data(db.from('ticket').insert({ id: 5 }).select('id,seats,price').single()),
		{ id: 5, seats: 1, price: 5 })
})

fresh('insert', 'many rows with different keys: null or the default for what is missing', async () => {
	const rows = [{ id: 4, price: 1 }, { id: 5, note: 'x' }]
	const kept = 'id,price,note'
	assert.deepEqual(await data(db.from('ticket').insert(rows, { defaultToNull: false }).select(kept)),
		[{ id: 4, price: 1, note: null }, { id: 5, price: 5, note: 'x' }])
	assert.deepEqual(await data(db.from('ticket').insert(
		rows.map((row) => ({ ...row, id: row.id + 10 }))).select(kept)),
	[{ id: 14, price: 1, note: null }, { id: 15, price: null, note: 'x' }])
	await refused(db.from('ticket').insert([{ id: 21, seats: 1 }, { id: 22 }]), 400, '23502')
	assert.deepEqual(await data(db.from('ticket').insert([]).select()), [])
})

fresh('insert', 'a thousand rows, counted', async () => {
	const rows = Array.from({ length: 1000 }, (_, i) => `c${i}`)
	for (const count of ['exact', 'planned', 'estimated']) {
		const answer = await db.from('ticket').insert(
			rows.map((code) => ({ code: code + count })), { count })
		assert.deepEqual([answer.status, answer.error], [201, null])
		if (count === 'exact')
			assert.equal(answer.count, 1000)
	}
	assert.equal((await all()).length, 3003)
})

fresh('insert', 'tells which constraint was in the way', async () => {
	const twice = await refused(db.from('ticket').insert({ id: 4, code: 'a' }), 409, '23505')
	assert.match(twice.message, /ticket_code_key/)
	await refused(db.from('ticket').insert({ id: 4, seats: null }), 400, '23502')
	await refused(db.from('visit').insert({ animal_id: 1, visitor_id: 99 }), 409, '23503')
	await refused(db.from('ticket').insert({ id: 4, colour: 'red' }), 400, 'PGRST204')
	await refused(db.from('ticket').insert({ id: 4, seats: 'two' }), 400, '22P02')
	await refused(db.from('ticket').insert([{ id: 4 }, { id: 1 }]), 409, '23505')
	assert.deepEqual(await all(), TICKETS)
})

fresh('upsert', 'on the primary key, changes what is there and makes what is not', async () => {
	const rows = [{ id: 1, note: 'door' }, { id: 4, note: 'new' }]
	assert.deepEqual(await data(db.from('ticket').upsert(rows, { defaultToNull: false }).select('id,note')),
		rows)
	assert.deepEqual((await all()).map((row) => row.note), ['door', null, null, 'new'])
	const one = await db.from('ticket').upsert({ id: 1, note: 'roof' }, { count: 'exact' })
	assert.deepEqual([one.status, one.count, one.error], [200, 1, null])
})

fresh('upsert', 'on another unique column', async () => {
	const options = { onConflict: 'code' }
	const row = await data(db.from('ticket').upsert({ code: 'b', note: 'x' }, options).select().single())
	assert.deepEqual(row, { ...TICKETS[1], note: 'x' })
	await refused(db.from('ticket').upsert({ id: 4, note: 'x' }, { onConflict: 'note' }), 400, '42P10')
})

fresh('upsert', 'ignoring duplicates, leaves alone what is there', async () => {
	const made = await data(db.from('ticket').upsert(
		[{ id: 1, note: 'no' }, { id: 4, note: 'yes' }], { ignoreDuplicates: true, defaultToNull: false })
		.select('id'))
	assert.deepEqual(made, [{ id: 4 }])
	assert.deepEqual((await all()).map((row) => row.note), ['window', null, null, 'yes'])
})

fresh('update', 'the rows that match, which come back when they are asked for', async () => {
	const silent = await db.from('ticket').update({ note: 'x' }, { count: 'exact' }).gt('id', 1)
	assert.deepEqual([silent.status, silent.data, silent.count], [204, null, 2])
	const rows = await data(db.from('ticket').update({ seats: 9 }).in('id', [2, 3])
		.select('id,seats').order('id', { ascending: false }))
	assert.deepEqual(rows, [{ id: 3, seats: 9 }, { id: 2, seats: 9 }])
	assert.deepEqual(await data(db.from('ticket').update({ seats: 1 }).eq('id', 99).select()), [])
	await refused(db.from('ticket').update({ code: 'a' }).eq('id', 2), 409, '23505')
	assert.deepEqual(await data(db.from('ticket').update({}).eq('id', 2).select('id')), [])
})

fresh('update', 'with or() and not()', async () => {
	await data(db.from('ticket').update({ note: 'y' }).or('id.eq.1,id.eq.3').not('price', 'is', null))
	assert.deepEqual(await column(db.from('ticket').select('id').eq('note', 'y')), [1])
})

fresh('update', 'embeds what belongs to the rows that it returns', async () => {
	const rows = await data(db.from('animal').update({ tame: true }).eq('id', 2).select('id,keeper(name)'))
	assert.deepEqual(rows, [{ id: 2, keeper: { name: 'Bob' } }])
})

fresh('delete', 'the rows that match, which come back when they are asked for', async () => {
	const silent = await db.from('ticket').delete({ count: 'exact' }).eq('id', 1)
	assert.deepEqual([silent.status, silent.data, silent.count], [204, null, 1])
	assert.deepEqual(await data(db.from('ticket').delete().eq('id', 2).select()), [TICKETS[1]])
	assert.deepEqual(await data(db.from('ticket').delete().eq('id', 2).select()), [])
	await refused(db.from('keeper').delete().eq('id', 1), 409, '23503')
	assert.deepEqual(await all(), [TICKETS[2]])
})

fresh('select', 'after a write names what comes back', async () => {
	assert.deepEqual(await data(db.from('ticket').insert({ id: 4, code: 'd' }).select('code, on:seats')),
		[{ code: 'd', on: 1 }])
})

fresh('single maybeSingle', 'on a write of more rows undo it', async () => {
	await refused(db.from('ticket').update({ note: 'x' }).gt('id', 1).select().single(), 406, 'PGRST116')
	await refused(db.from('ticket').delete().gt('id', 9).select().single(), 406, 'PGRST116')
	assert.deepEqual(await all(), TICKETS)
	assert.deepEqual(await data(db.from('ticket').delete().eq('id', 1).select().maybeSingle()), TICKETS[0])
	assert.equal(await data(db.from('ticket').delete().eq('id', 1).select().maybeSingle()), null)
})

fresh('rollback', 'answers as if, and keeps nothing', async () => {
	assert.equal((await data(db.from('ticket').insert({ id: 4 }).select('id').rollback())).length, 1)
	assert.equal((await data(db.from('ticket').update({ note: 'x' }).eq('id', 1).rollback().select())).length, 1)
	assert.equal((await data(db.from('ticket').delete().gt('id', 0).rollback().select())).length, 3)
	assert.deepEqual(await all(), TICKETS)
})

fresh('maxAffected', 'undoes what touches more rows', async () => {
	await refused(db.from('ticket').update({ note: 'x' }).gt('id', 0).maxAffected(2), 400, 'PGRST124')
	await refused(db.from('ticket').delete().gt('id', 0).maxAffected(2), 400, 'PGRST124')
	assert.deepEqual(await all(), TICKETS)
	await data(db.from('ticket').update({ note: 'x' }).gt('id', 1).maxAffected(2))
	assert.equal((await all()).filter((row) => row.note === 'x').length, 2)
})

fresh('schema', 'of writes is the one that is served, or refused', async () => {
	await data(db.schema('public').from('ticket').insert({ id: 4 }))
	await refused(db.schema('private').from('ticket').insert({ id: 5 }), 406, 'PGRST106')
	await refused(db.schema('private').from('ticket').delete().gt('id', 0), 406, 'PGRST106')
	assert.equal((await all()).length, 4)
})

fresh('stripNulls', 'of what a write returns', async () => {
	assert.deepEqual(await data(db.from('ticket').update({ seats: 2 }).eq('id', 2).select('id,note').stripNulls()),
		[{ id: 2 }])
})
