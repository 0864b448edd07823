# MD_APPEND_FLAGS(VARIABLE, FLAGS)
# Append each of FLAGS that the compiler takes without a warning to VARIABLE.
AC_DEFUN([MD_APPEND_FLAGS],
[m4_foreach_w([md_flag], [$2],
  [AX_CHECK_COMPILE_FLAG(md_flag, [AS_VAR_APPEND([$1], [" md_flag"])], [], [-Werror])])])
