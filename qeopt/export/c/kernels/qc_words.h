/* Four values or weights at a time, as the bytes of a word; products of them. Included by kernels that multiply. */
#ifndef QC_WORDS_H
#define QC_WORDS_H

#include "qc_core.h"

/* SMLAD and its kin: Cortex-M4, M7, M33 and others with the DSP extension. QC_PORTABLE keeps to plain C. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && !defined(__ARM_BIG_ENDIAN) && !defined(__aarch64__) && !defined(QC_PORTABLE)
#define QC_DSP 1
#else
#define QC_DSP 0
#endif

/* Little-endian words on any machine; one instruction where the core reads words at any address. */
static QC_INLINE uint32_t qc_word(const uint8_t *at) {
#if QC_DSP || (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word;
#else
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
#endif
}

/* Values of fewer than 8 bits stand in the high bits of their byte, and are 16 or 64 times as large; so signs need no work, and the
 * bias of every sum, and what it is divided by in qc_outputs, are as much larger. */
#define QC_HIGH(bits) ((bits) == 8 ? 0xffffffffu : (bits) == 4 ? 0xf0f0f0f0u : 0xc0c0c0c0u)

/* Four values that lie in order. */
static QC_INLINE uint32_t qc_four(const uint8_t *at, const int bits) {
  uint32_t found;
  if (bits == 8) return qc_word(at);
  if (bits == 4) {
    found = at[0] | (uint32_t)at[1] << 16;
    return (found << 4 | found << 8) & 0xf0f0f0f0u;
  }
  found = *at;
  found = (found << 12 | found) & 0x000f000fu;
  return (found << 12 | found << 6) & 0xc0c0c0c0u;
}

#if QC_DSP
/* The order of these is kept (volatile): left to itself the compiler unpacks so much at once that registers run out. */
typedef struct {
  uint32_t even, odd;
} qc_unpacked;

static QC_INLINE uint32_t qc_even(uint32_t word, const int is_signed) {
  uint32_t found;
  if (is_signed) __asm__ volatile("sxtb16 %0, %1" : "=r"(found) : "r"(word));
  else __asm__ volatile("uxtb16 %0, %1" : "=r"(found) : "r"(word));
  return found;
}

static QC_INLINE uint32_t qc_odd(uint32_t word, const int is_signed) {
  uint32_t found;
  if (is_signed) __asm__ volatile("sxtb16 %0, %1, ror #8" : "=r"(found) : "r"(word));
  else __asm__ volatile("uxtb16 %0, %1, ror #8" : "=r"(found) : "r"(word));
  return found;
}

static QC_INLINE qc_unpacked qc_unpack(uint32_t word, const int is_signed) {
  const qc_unpacked found = {qc_even(word, is_signed), qc_odd(word, is_signed)};
  return found;
}

static QC_INLINE int32_t qc_smlad(uint32_t one, uint32_t other, int32_t sum) {
  __asm__ volatile("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(one), "r"(other));
  return sum;
}

/* The sum of four products. */
static QC_INLINE int32_t qc_dot(qc_unpacked values, uint32_t weights, int32_t sum) {
  return qc_smlad(values.odd, qc_odd(weights, 1), qc_smlad(values.even, qc_even(weights, 1), sum));
}

/* Four products, one for each sum. */
static QC_INLINE void qc_products(qc_unpacked values, uint32_t weights, int32_t *a, int32_t *b, int32_t *c, int32_t *d) {
  const qc_unpacked by = qc_unpack(weights, 1);
  *a += (int16_t)values.even * (int16_t)by.even;
  *b += (int16_t)values.odd * (int16_t)by.odd;
  *c += ((int32_t)values.even >> 16) * ((int32_t)by.even >> 16);
  *d += ((int32_t)values.odd >> 16) * ((int32_t)by.odd >> 16);
}

/* Keeps a mask in a register, where masking and shifting are one instruction. */
#define QC_HOLD(mask) __asm__("" : "+r"(mask))
#else
typedef struct {
  int32_t a, b, c, d;
} qc_unpacked;

static QC_INLINE int32_t qc_byte(uint32_t word, const int place, const int is_signed) {
  return is_signed ? (int8_t)(word >> 8 * place) : (int32_t)(uint8_t)(word >> 8 * place);
}

static QC_INLINE qc_unpacked qc_unpack(uint32_t word, const int is_signed) {
  const qc_unpacked found = {qc_byte(word, 0, is_signed), qc_byte(word, 1, is_signed), qc_byte(word, 2, is_signed),
                             qc_byte(word, 3, is_signed)};
  return found;
}

static QC_INLINE int32_t qc_dot(qc_unpacked values, uint32_t weights, int32_t sum) {
  sum += values.a * qc_byte(weights, 0, 1);
  sum += values.b * qc_byte(weights, 1, 1);
  sum += values.c * qc_byte(weights, 2, 1);
  return sum + values.d * qc_byte(weights, 3, 1);
}

static QC_INLINE void qc_products(qc_unpacked values, uint32_t weights, int32_t *a, int32_t *b, int32_t *c, int32_t *d) {
  *a += values.a * qc_byte(weights, 0, 1);
  *b += values.b * qc_byte(weights, 1, 1);
  *c += values.c * qc_byte(weights, 2, 1);
  *d += values.d * qc_byte(weights, 3, 1);
}

#define QC_HOLD(mask) (void)(mask)
#endif

#endif
