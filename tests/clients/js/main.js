'use strict'
// All tests of @supabase/postgrest-js in one process, so that what they called is counted together.

require('./test_reads')
require('./test_writes')
require('./test_options')
require('./harness').nothingForgotten()
