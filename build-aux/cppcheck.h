/* For cppcheck, which does not read the headers of libraries: loops of jansson. */
#define json_array_foreach(array, i, value)                                                        \
	for ((i) = 0; (i) < json_array_size(array) && ((value) = json_array_get(array, i)); (i)++)
#define json_object_foreach(object, key, value)                                                    \
	for ((key) = json_object_iter_key(json_object_iter(object));                               \
	     (key) && ((value) = json_object_iter_value(json_object_key_to_iter(key)));            \
	     (key) = json_object_iter_key(json_object_iter_next(object, json_object_key_to_iter(key))))
