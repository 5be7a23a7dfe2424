export * from './delivery-window.ts';
export * from './governed-channel.ts';
export * from './held-deliveries.ts';
export * from './prefetch-governor.ts';
export * from './starvation-watch.ts';
export * from './window-search.ts';
