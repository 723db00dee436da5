'use strict'

const { answer, find, missing } = require('./store')

exports.handler = async (event) => (find(event) ? answer(200, find(event)) : missing)
