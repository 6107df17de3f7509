/* What all kernels are made of: reading and writing packed values, rounding, windows. Included by kernels only. */
#ifndef QC_CORE_H
#define QC_CORE_H

#include "qc.h"

#if defined(__GNUC__)
#define QC_INLINE inline __attribute__((always_inline, unused))
#define QC_APART __attribute__((noinline))
#define QC_MOSTLY(is_so) __builtin_expect((is_so), 1) /* what only the other case needs is kept out of registers */
#else
#define QC_INLINE inline
#define QC_APART
#define QC_MOSTLY(is_so) (is_so)
#endif

/* The value with number `index` of a packed tensor. */
static QC_INLINE int32_t qc_get(const uint8_t *values, uint32_t index, uint32_t bits, uint32_t is_signed) {
  const uint32_t at = index * bits, found = (uint32_t)values[at >> 3] >> (at & 7) & ((1u << bits) - 1);
  const uint32_t sign = is_signed << (bits - 1);
  return (int32_t)(found ^ sign) - (int32_t)sign;
}

static QC_INLINE int32_t qc_of(const qc_tensor *tensor, const uint8_t *values, uint32_t index) {
  return qc_get(values, index, tensor->bits, tensor->is_signed);
}

static QC_INLINE uint8_t *qc_at(const qc_tensor *tensor, uint8_t *const *memory) { return memory[tensor->region] + tensor->offset; }

/* Writes values one after the other. Bits behind the last one are zero. */
typedef struct {
  uint8_t *at;
  uint32_t byte, used, bits;
} qc_writer;

static QC_INLINE qc_writer qc_write_to(const qc_tensor *tensor, uint8_t *const *memory) {
  const qc_writer writer = {memory[tensor->region] + tensor->offset, 0, 0, tensor->bits};
  return writer;
}

static QC_INLINE void qc_put(qc_writer *writer, int32_t value) {
  if (writer->bits == 8) {
    *writer->at++ = (uint8_t)value;
    return;
  }
  writer->byte |= ((uint32_t)value & ((1u << writer->bits) - 1)) << writer->used;
  writer->used += writer->bits;
  if (writer->used == 8) {
    *writer->at++ = (uint8_t)writer->byte;
    writer->byte = writer->used = 0;
  }
}

static QC_INLINE void qc_end(const qc_writer *writer) {
  if (writer->used) *writer->at = (uint8_t)writer->byte;
}

/* product / 2^shift, to the nearest integer, halves to even, clipped to the range of the output; shift is 1 to 62. */
int32_t qc_wide(int64_t product, uint32_t shift, const qc_layer *layer);

/* Whether the upper word of a product says where to round to: there is no half, as the lower word is not zero. */
#define QC_IS_PLAIN(product, rest) ((rest) >= 0 && (uint32_t)(product))
/* Such a product over 2^(33 + rest), rounded. */
#define QC_ROUNDED(product, rest) ((((int32_t)((product) >> 32) >> (rest)) + 1) >> 1)

/* A sum times a multiplier, rounded and clipped to `low` and what is up to `range` above: for loops that hold these. */
static QC_INLINE int32_t qc_scale_to(int32_t sum, int32_t multiplier, uint32_t shift, const qc_layer *layer, int32_t low,
                                     uint32_t range) {
  const int32_t rest = (int32_t)shift - 33;
  const int64_t product = (int64_t)sum * multiplier;
  if (QC_MOSTLY(QC_IS_PLAIN(product, rest))) {
    const int32_t rounded = QC_ROUNDED(product, rest);
    if ((uint32_t)rounded - (uint32_t)low <= range) return rounded;
    return rounded < low ? low : low + (int32_t)range;
  }
  return qc_wide(product, shift, layer);
}

/* The same to the range of the output, which takes less code. */
static QC_INLINE int32_t qc_scale(int32_t sum, int32_t multiplier, uint32_t shift, const qc_layer *layer) {
  const int64_t product = (int64_t)sum * multiplier;
  const int32_t rest = (int32_t)shift - 33;
  if (QC_IS_PLAIN(product, rest)) {
    const int32_t rounded = QC_ROUNDED(product, rest);
    return rounded < layer->low ? layer->low : rounded > layer->high ? layer->high : rounded;
  }
  return qc_wide(product, shift, layer);
}

/* Writes the outputs of channels that follow each other: their sums, which begin with the bias, scaled. */
void qc_outputs(const qc_layer *layer, qc_writer *writer, uint32_t channel, const int32_t *sums, uint32_t count);
/* How many sums are held before outputs are written; they lie on the stack. */
#define QC_TOGETHER 32u
/* The part of a window, along one side, that lies inside of the input: places `from` to `to`, the first of them at `at`. */
typedef struct {
  uint32_t from, to, at;
} qc_span;

/* Of the window of output number `y`, and of `x`. */
qc_span qc_rows(const qc_layer *layer, uint32_t y);
qc_span qc_columns(const qc_layer *layer, uint32_t x);

#endif
