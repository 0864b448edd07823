/* Functions that are not used here, and what to use instead. Included last by every .c file of
 * core, config and server. */
#ifndef MD_CORE_BASE_BANNED_H
#define MD_CORE_BASE_BANNED_H
/* clang-format off */
#pragma GCC poison strcpy strcat sprintf vsprintf  /* md_buf, snprintf */
#pragma GCC poison strtok gets                     /* own scanners */
#pragma GCC poison localtime gmtime ctime asctime  /* the _r forms */
#pragma GCC poison setlocale                       /* LC_NUMERIC must stay "C" */
#pragma GCC poison atoi atol atof                  /* core/base/str.h: scanners that report */
/* clang-format on */
#endif
