#include "qc_core.h"

QC_APART int32_t qc_wide(int64_t product, uint32_t shift, const qc_layer *layer) {
  const int64_t doubled = product >> (shift - 1), odd = doubled >> 1 & 1;
  const int64_t is_more = (doubled & 1) & (odd | ((product & (((int64_t)1 << (shift - 1)) - 1)) != 0));
  const int64_t rounded = (doubled >> 1) + is_more;
  return rounded < layer->low ? layer->low : rounded > layer->high ? layer->high : (int32_t)rounded;
}

void qc_outputs(const qc_layer *layer, qc_writer *writer, uint32_t channel, const int32_t *sums, uint32_t count) {
  const int32_t *multipliers = layer->scales + layer->channels + channel, low = layer->low;
  const uint8_t *shifts = layer->shifts + channel, *const end = shifts + count;
  const uint32_t range = (uint32_t)(layer->high - low); /* held here: what is written could be the layer, for all that C knows */
  if (writer->bits == 8) {
    uint8_t *at = writer->at;
    writer->at = at + count;
    while (shifts != end) *at++ = (uint8_t)qc_scale_to(*sums++, *multipliers++, *shifts++, layer, low, range);
  } else {
    qc_writer to = *writer;
    while (shifts != end) qc_put(&to, qc_scale_to(*sums++, *multipliers++, *shifts++, layer, low, range));
    *writer = to;
  }
}

static QC_APART qc_span span_of(uint32_t out, uint32_t stride, uint32_t pad, uint32_t dilation, uint32_t kernel, uint32_t side) {
  const int32_t start = (int32_t)(out * stride) - (int32_t)pad;
  qc_span span = {0, kernel, 0};
  while (span.from < span.to && start + (int32_t)(span.from * dilation) < 0) span.from++;
  while (span.to > span.from && start + (int32_t)((span.to - 1) * dilation) >= (int32_t)side) span.to--;
  span.at = span.from < span.to ? (uint32_t)(start + (int32_t)(span.from * dilation)) : 0;
  return span;
}

qc_span qc_rows(const qc_layer *layer, uint32_t y) {
  return span_of(y, layer->stride_height, layer->top, layer->dilation_height, layer->kernel_height, layer->height_in);
}

qc_span qc_columns(const qc_layer *layer, uint32_t x) {
  return span_of(x, layer->stride_width, layer->left, layer->dilation_width, layer->kernel_width, layer->width_in);
}
