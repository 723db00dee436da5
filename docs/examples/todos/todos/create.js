'use strict'

const { todos, answer } = require('./store')

exports.handler = async (event) => {
  console.log(`${process.env.GREETING} from create`)
  const { text } = JSON.parse(event.body)
  if (text.length > Number(process.env.LONGEST_TEXT)) return answer(400, { message: 'too long' })
  const todo = { id: String(todos.size + 1), text, done: false }
  todos.set(todo.id, todo)
  return answer(201, todo)
}
