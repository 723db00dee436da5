'use strict'
// Stands in for a table: each function has a copy of its own.

const todos = new Map([['1', { id: '1', text: 'write', done: true }], ['2', { id: '2', text: 'test', done: false }]])

const answer = (statusCode, body) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

const find = ({ pathParameters: { id } }) => todos.get(id)

module.exports = { todos, answer, find, missing: answer(404, { message: 'no such todo' }) }
